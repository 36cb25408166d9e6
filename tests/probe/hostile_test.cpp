// Peers that mean harm, or are broken: each yields its reason within its time.
#include "probe/probe.h"
#include "server.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace std::chrono_literals;
using probe::Capture;
using probe::Limits;
using probe::Outcome;
using probe::Phase;
using probe::Target;
using test::Identity;
using test::Server;

namespace {

const Limits kLimits{.connect = 300ms, .starttls = 300ms, .handshake = 300ms, .total = 600ms};

std::string number(std::size_t value, int octets) {
  std::string text;
  for (int i = octets - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string records(std::string_view message) {
  std::string all;
  for (; !message.empty(); message.remove_prefix(std::min<std::size_t>(message.size(), 16'384))) {
    const std::string_view part = message.substr(0, 16'384);
    all += "\x16\x03\x03" + number(part.size(), 2) + std::string(part);
  }
  return all;
}

// A ServerHello of TLS 1.2 with ECDHE-ECDSA-AES128-GCM-SHA256.
std::string server_hello() {
  return records("\x02" + number(38, 3) + "\x03\x03" + std::string(32, 'r') + number(0, 1) + "\xc0\x2b" + number(0, 1));
}

void wait_for_end(int connection) {
  ::shutdown(connection, SHUT_WR);
  test::hear_all(connection);
}

}  // namespace

TEST_CASE("a peer that stays silent, drips or floods is left at its time, whatever the phase") {
  const Identity leaf("drip.test");
  const auto context = test::server_context(leaf);
  struct Row {
    const char* what;
    std::function<void(int)> serve;
    const char* starttls;
    Phase phase;
  };
  const auto drip = [](int c, std::string_view text) {
    for (int i = 0; i < 40; ++i) {
      test::say(c, text.substr(static_cast<std::size_t>(i) % text.size(), 1));
      std::this_thread::sleep_for(20ms);
    }
    test::hear_all(c);
  };
  const Row rows[] = {
      {"silent", [](int c) { test::hear_all(c); }, "", Phase::handshake},
      {"silent before TLS", [](int c) { test::hear_all(c); }, "smtp", Phase::starttls},
      {"drips a line", [&](int c) { drip(c, "220-ready\r\n"); }, "smtp", Phase::starttls},
      {"drips a record", [&](int c) { drip(c, std::string("\x16\x03\x03\x40\x00", 5) + std::string(40, '\2')); }, "",
       Phase::handshake},
      {"drips warnings", [&](int c) { drip(c, std::string("\x15\x03\x03\x00\x02\x01\x70", 7)); }, "", Phase::handshake},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Server server(row.serve);
    const auto began = std::chrono::steady_clock::now();
    const Capture capture =
        probe::probe_one({.host = "127.0.0.1", .port = server.port(), .starttls = row.starttls}, kLimits);
    const auto took = std::chrono::steady_clock::now() - began;
    CHECK_MESSAGE(capture.outcome == Outcome::timed_out, capture.problem);
    CHECK(capture.phase == row.phase);
    CHECK(took < 1s);
    CHECK(took >= 290ms);
  }
}

TEST_CASE("more certificates than anybody needs end with a reason of their own") {
  struct Row {
    const char* what;
    std::string message;
    bool unbounded;
  };
  const std::string huge(1 << 20, 'c');
  const std::string list = number(huge.size(), 3) + huge;
  const Row rows[] = {
      {"one of a megabyte", "\x0b" + number(list.size() + 3, 3) + number(list.size(), 3) + list, false},
      {"a chain without end", "\x0b" + number(0xffffff, 3) + number(0xfffffc, 3), true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Server server([&](int c) {
      test::hear(c, 100);
      test::say(c, server_hello() + records(row.message));
      const std::string more = records(number(4, 3) + "cert");
      for (int i = 0; row.unbounded && i < 100'000; ++i) test::say(c, more);
      test::hear_all(c);
    });
    const Capture capture =
        probe::probe_one({.host = "127.0.0.1", .port = server.port()}, {.handshake = 5s, .total = 10s});
    CHECK_MESSAGE(capture.outcome == Outcome::chain_too_large, capture.problem);
    CHECK(capture.problem == "the peer sends more than 512 KiB of certificates");
    CHECK(capture.phase == Phase::handshake);
  }
}

TEST_CASE("a peer that closes or resets at any point of the handshake is told as such") {
  const Identity leaf("cut.test");
  const auto context = test::server_context(leaf, TLS1_2_VERSION);
  // The server's first flight, as a client would get it.
  std::string flight;
  {
    const auto client = test::SslContext(SSL_CTX_new(TLS_client_method()));
    const test::Session hello(SSL_new(client.get()));
    const test::Session session(SSL_new(context.get()));
    BIO* const to_server = BIO_new(BIO_s_mem());
    BIO* const to_client = BIO_new(BIO_s_mem());
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(hello.get(), to_client, to_server);
    SSL_set_bio(session.get(), to_server, to_client);
    SSL_connect(hello.get());
    SSL_accept(session.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(to_client, &data);
    flight.assign(data, static_cast<std::size_t>(size));
    ERR_clear_error();
  }
  REQUIRE(flight.size() > 300);
  for (const bool reset : {false, true}) {
    for (std::size_t cut = 0; cut < flight.size(); cut += cut < 60 ? 7 : 97) {
      CAPTURE(reset);
      CAPTURE(cut);
      Server server([&](int c) {
        test::hear(c, 100);
        test::say(c, std::string_view(flight).substr(0, cut));
        if (!reset) return wait_for_end(c);
        std::this_thread::sleep_for(5ms);
        const linger now{1, 0};
        ::setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      });
      const Capture capture =
          probe::probe_one({.host = "127.0.0.1", .port = server.port()}, {.handshake = 2s, .total = 4s});
      CHECK(capture.phase == Phase::handshake);
      const Outcome expected = cut == 0 ? Outcome::unreachable : Outcome::handshake_failed;
      CHECK_MESSAGE(capture.outcome == expected, capture.problem);
      CHECK(capture.problem != "");
    }
  }
}

TEST_CASE("ten thousand names in a leaf are still taken") {
  Identity leaf("many.test");
  std::string names;
  for (int i = 0; i < 10'000; ++i) names += (i == 0 ? "DNS:n" : ",DNS:n") + std::to_string(i) + ".many.example.org";
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  REQUIRE(extension != nullptr);
  X509_add_ext(leaf.certificate.get(), extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(leaf.certificate.get(), leaf.key.get(), EVP_sha256());
  const auto context = test::server_context(leaf);
  Server server([&](int c) { test::serve_tls(context.get(), c); });
  const Capture capture = probe::probe_one({.host = "127.0.0.1", .port = server.port()});
  CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
  REQUIRE(capture.chain.size() == 1);
  CHECK(capture.chain.front().size() > 200'000);
}
