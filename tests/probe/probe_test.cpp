#include "probe/probe.h"

#include "base/error.h"
#include "server.h"

#include <set>

#include <doctest/doctest.h>

using namespace everseal;
using namespace std::chrono_literals;
using probe::Capture;
using probe::Limits;
using probe::Outcome;
using probe::Target;
using test::Identity;
using test::Server;

namespace {

const Limits kQuick{.connect = 5s, .handshake = 5s, .total = 10s};
const Limits kImpatient{.connect = 150ms, .handshake = 150ms, .total = 400ms};

Capture look(int port, const Limits& limits = kQuick) {
  return probe::probe_one({.host = "127.0.0.1", .port = port}, limits);
}

int refuse_nothing(int, X509_STORE_CTX*) { return 1; }

}  // namespace

TEST_CASE("a complete handshake shows all that was negotiated") {
  const Identity leaf("leaf.test");
  const Identity issuer("issuer.test");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const auto context = test::server_context(leaf, version);
    SSL_CTX_add1_chain_cert(context.get(), issuer.certificate.get());
    SSL_CTX_set1_groups_list(context.get(), "P-384");
    SSL_CTX_set_alpn_select_cb(
        context.get(),
        [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size, void*) {
          *out = in + 1 + in[0] + 1;  // the second one
          *size = in[1 + in[0]];
          return in_size > 5 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
        },
        nullptr);
    SSL_CTX_set_tlsext_status_cb(context.get(), static_cast<int (*)(SSL*, void*)>([](SSL* ssl, void*) {
                                   auto* staple = static_cast<unsigned char*>(OPENSSL_memdup("staple", 6));
                                   SSL_set_tlsext_status_ocsp_resp(ssl, staple, 6);
                                   return SSL_TLSEXT_ERR_OK;
                                 }));
    Server server([&](int connection) { test::serve_tls(context.get(), connection); });

    const Capture capture =
        probe::probe_one({.host = "127.0.0.1", .port = server.port(), .alpn = {"h2", "http/1.1"}}, kQuick);
    CHECK(capture.outcome == Outcome::complete);
    CHECK(capture.problem == "");
    CHECK(capture.address == "127.0.0.1:" + std::to_string(server.port()));
    CHECK(capture.chain == std::vector<base::Bytes>{leaf.der, issuer.der});
    CHECK(capture.tls_version == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
    CHECK(capture.cipher != "");
    CHECK(capture.group == "P-384");
    CHECK(capture.alpn.raw() == "http/1.1");
    CHECK(base::as_text(capture.ocsp_response) == "staple");
    CHECK_FALSE(capture.client_certificate_requested);
    CHECK_FALSE(capture.client_certificate_required);
  }
}

TEST_CASE("a peer with an outdated protocol is still looked at") {
  const Identity leaf("old.test");
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    const auto context = test::server_context(leaf, version);
    Server server([&](int connection) { test::serve_tls(context.get(), connection); });
    const Capture capture = look(server.port());
    CHECK(capture.outcome == Outcome::complete);
    CHECK(capture.tls_version == (version == TLS1_VERSION ? "TLSv1" : "TLSv1.1"));
    CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
  }
}

TEST_CASE("a peer that encrypts nothing is still looked at") {
  const Identity leaf("null.test");
  const auto context = test::server_context(leaf, TLS1_2_VERSION);
  REQUIRE(SSL_CTX_set_cipher_list(context.get(), "eNULL:@SECLEVEL=0") == 1);
  Server server([&](int connection) { test::serve_tls(context.get(), connection); });
  const Capture capture = look(server.port());
  CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
  CHECK(capture.cipher.find("NULL") != std::string::npos);
  CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
}

TEST_CASE("the name asked for selects the certificate") {
  const Identity first("first.test");
  const Identity second("second.test");
  const auto context = test::server_context(first);
  const auto other = test::server_context(second);
  struct Seen {
    SSL_CTX* other;
    std::mutex mutex;
    std::vector<std::string> names;
  } seen{.other = other.get(), .mutex = {}, .names = {}};
  SSL_CTX_set_tlsext_servername_arg(context.get(), &seen);
  SSL_CTX_set_tlsext_servername_callback(context.get(),
                                         static_cast<int (*)(SSL*, int*, void*)>([](SSL* ssl, int*, void* argument) {
                                           auto& got = *static_cast<Seen*>(argument);
                                           const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
                                           const std::scoped_lock lock(got.mutex);
                                           got.names.emplace_back(name == nullptr ? "(none)" : name);
                                           if (got.names.back() == "second.test") SSL_set_SSL_CTX(ssl, got.other);
                                           return SSL_TLSEXT_ERR_OK;
                                         }));
  Server server([&](int connection) { test::serve_tls(context.get(), connection); });
  const std::string here = "127.0.0.1";
  const int port = server.port();

  struct Row {
    Target target;
    const Identity* shown;
    const char* asked;
  };
  const Row rows[] = {
      {{.host = here, .port = port}, &first, "(none)"},
      {{.host = here, .port = port, .sni = "second.test"}, &second, "second.test"},
      {{.host = "second.test", .port = port, .address = here}, &second, "second.test"},
      {{.host = "second.test.", .port = port, .address = here}, &second, "second.test"},
      {{.host = "second.test", .port = port, .sni = "first.test", .address = here}, &first, "first.test"},
      {{.host = "localhost", .port = port, .address = here}, &first, "localhost"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target.host);
    CAPTURE(row.target.sni);
    const Capture capture = probe::probe_one(row.target, kQuick);
    CHECK(capture.outcome == Outcome::complete);
    CHECK(capture.chain == std::vector<base::Bytes>{row.shown->der});
    const std::scoped_lock lock(seen.mutex);
    CHECK(seen.names.back() == row.asked);
  }
}

TEST_CASE("a demand for a client certificate is told from a mere request") {
  const Identity leaf("mtls.test");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool demanded : {true, false}) {
      CAPTURE(version);
      CAPTURE(demanded);
      const auto context = test::server_context(leaf, version);
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | (demanded ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                         refuse_nothing);
      Server server([&](int connection) { test::serve_tls(context.get(), connection); });
      const Capture capture = look(server.port());
      CHECK(capture.outcome == Outcome::complete);
      CHECK(capture.problem == "");
      CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
      CHECK(capture.client_certificate_requested);
      CHECK(capture.client_certificate_required == demanded);
    }
  }
}

TEST_CASE("a server that asks for a client certificate and then stays silent does not hold the probe up") {
  const Identity leaf("silent.test");
  const auto context = test::server_context(leaf, TLS1_3_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, refuse_nothing);
  SSL_CTX_set_num_tickets(context.get(), 0);
  Server server([&](int connection) { test::serve_tls(context.get(), connection); });
  const Capture capture = look(server.port());
  CHECK(capture.outcome == Outcome::complete);
  CHECK_FALSE(capture.client_certificate_required);
}

TEST_CASE("an IPv6 literal is connected to and sends no name") {
  const Identity leaf("six.test");
  const auto context = test::server_context(leaf);
  std::optional<Server> server;
  try {
    server.emplace([&](int connection) { test::serve_tls(context.get(), connection); }, AF_INET6);
  } catch (const std::runtime_error&) {
    MESSAGE("this machine has no IPv6 loopback");
    return;
  }
  const Capture capture = probe::probe_one({.host = "::1", .port = server->port()}, kQuick);
  CHECK(capture.outcome == Outcome::complete);
  CHECK(capture.address == "[::1]:" + std::to_string(server->port()));
  CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
}

TEST_CASE("what goes wrong is a result with its cause") {
  struct Row {
    const char* what;
    std::function<void(int)> serve;
    Outcome outcome;
    const char* problem;
  };
  const Row rows[] = {
      {"closes at once", [](int) {}, Outcome::unreachable, ""},
      {"closes after the ClientHello",
       [](int c) {
         test::hear(c, 100);
         ::shutdown(c, SHUT_WR);
         test::hear_all(c);
       },
       Outcome::unreachable, "closed the connection without an answer"},
      {"resets",
       [](int c) {
         const linger now{1, 0};
         ::setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof now);
       },
       Outcome::unreachable, ""},
      {"speaks HTTP",
       [](int c) {
         test::hear(c, 100);
         test::say(c, "HTTP/1.1 400 Bad Request\r\n\r\n\x1b[31m");
         ::shutdown(c, SHUT_WR);
         test::hear_all(c);
       },
       Outcome::not_tls, "\"HTTP/1.1 400 Bad Request\""},
      {"greets as SSH does",
       [](int c) {
         test::say(c, "SSH-2.0-\x1b]0;x\x07\r\n");
         test::hear_all(c);
       },
       Outcome::not_tls, "SSH-2.0-\\x1b]0;x\\x07"},
      {"answers garbage",
       [](int c) {
         test::hear(c, 100);
         test::say(c, std::string(2000, '\xff'));
         test::hear_all(c);
       },
       Outcome::not_tls, ""},
      {"sends an alert",
       [](int c) {
         test::hear(c, 100);
         test::say(c, std::string_view("\x15\x03\x03\x00\x02\x02\x70", 7));
         test::hear_all(c);
       },
       Outcome::handshake_failed, "alert 112 (unrecognized name)"},
      {"breaks off in the handshake",
       [](int c) {
         test::hear(c, 100);
         test::say(c, std::string_view("\x16\x03\x03\x00\x40\x02\x00", 7));
         ::shutdown(c, SHUT_WR);
         test::hear_all(c);
       },
       Outcome::handshake_failed, "in the middle of the handshake"},
      {"sends a broken ServerHello",
       [](int c) {
         test::hear(c, 100);
         test::say(c, std::string_view("\x16\x03\x03\x00\x05\x02\x00\x00\x01\x09", 10));
         test::hear_all(c);
       },
       Outcome::handshake_failed, "the handshake failed: "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Server server(row.serve);
    const Capture capture = look(server.port());
    CHECK_MESSAGE(capture.outcome == row.outcome, to_string(capture.outcome), " ", capture.problem);
    CHECK(capture.problem != "");
    CHECK_MESSAGE(capture.problem.find(row.problem) != std::string::npos, capture.problem);
    CHECK(capture.problem.find('\x1b') == std::string::npos);
    CHECK(capture.chain.empty());
  }
}

TEST_CASE("certificates of a handshake that fails later are kept as they were sent, unreadable ones too") {
  const Identity leaf("kept.test");
  const base::Bytes unreadable = base::to_bytes("no certificate at all");
  const auto number = [](std::size_t value, int octets) {
    std::string text;
    for (int i = octets - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
    return text;
  };
  std::string list;
  for (const base::Bytes* der : {&leaf.der, &unreadable})
    list += number(der->size(), 3) + std::string(base::as_text(*der));
  const std::string certificate = "\x0b" + number(list.size() + 3, 3) + number(list.size(), 3) + list;
  // TLS 1.2, no session, ECDHE-ECDSA-AES128-GCM-SHA256, no compression.
  const std::string hello =
      "\x02" + number(38, 3) + "\x03\x03" + std::string(32, 'r') + number(0, 1) + "\xc0\x2b" + number(0, 1);
  const std::string flight = "\x16\x03\x03" + number(hello.size() + certificate.size(), 2) + hello + certificate;
  Server server([&](int c) {
    test::hear(c, 100);
    test::say(c, flight);
    test::hear_all(c);
  });
  const Capture capture = look(server.port());
  CHECK(capture.outcome == Outcome::handshake_failed);
  CHECK(capture.chain == std::vector<base::Bytes>{leaf.der, unreadable});
  CHECK(capture.tls_version == "TLSv1.2");
}

TEST_CASE("a name that does not exist and a closed port are told apart") {
  const Capture nameless = probe::probe_one({.host = "no..such..name", .port = 443}, kQuick);
  CHECK(nameless.outcome == Outcome::name_not_resolved);
  CHECK(nameless.problem.starts_with("cannot resolve no..such..name: "));

  int port = 0;
  {
    port = Server([](int) {}).port();
  }
  const Capture closed = look(port);
  CHECK(closed.outcome == Outcome::connection_refused);
  CHECK(closed.problem == "cannot connect to 127.0.0.1:" + std::to_string(port) + ": connection refused");
  CHECK(closed.address == "127.0.0.1:" + std::to_string(port));
}

TEST_CASE("every bound in time fires") {
  SUBCASE("of the connect") {
    // A full queue of connections that nobody accepts: the kernel answers no more.
    const base::FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener.get(), 0) == 0);
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    std::vector<base::FileDescriptor> waiting;
    for (int i = 0; i < 4; ++i) {
      waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&address), size);
    }
    const Capture capture = look(ntohs(address.sin_port), kImpatient);
    CHECK(capture.outcome == Outcome::timed_out);
    CHECK(capture.problem.find("did not accept") != std::string::npos);
  }
  SUBCASE("of the handshake, before any answer") {
    Server server([](int c) { test::hear_all(c); });
    const Capture capture = look(server.port(), kImpatient);
    CHECK(capture.outcome == Outcome::timed_out);
    CHECK(capture.problem.find("did not answer the TLS handshake") != std::string::npos);
  }
  SUBCASE("of the handshake, in the middle of it") {
    Server server([](int c) {
      test::hear(c, 100);
      test::say(c, std::string_view("\x16\x03\x03\x00\x40\x02\x00", 7));
      test::hear_all(c);
    });
    const Capture capture = look(server.port(), kImpatient);
    CHECK(capture.outcome == Outcome::timed_out);
    CHECK(capture.problem == "the TLS handshake did not end in time");
  }
  SUBCASE("of the whole, where the parts would allow more") {
    Server server([](int c) { test::hear_all(c); });
    const Capture capture = look(server.port(), {.connect = 1h, .handshake = 1h, .total = 200ms});
    CHECK(capture.outcome == Outcome::timed_out);
  }
  SUBCASE("of the part before TLS") {
    Server server([](int c) { test::hear_all(c); });
    const Capture capture =
        probe::probe_one({.host = "127.0.0.1", .port = server.port(), .starttls = "smtp"}, kImpatient);
    CHECK(capture.outcome == Outcome::timed_out);
    CHECK(capture.problem == "smtp: the peer did not answer in time");
  }
}

TEST_CASE("a stop ends a probe that waits") {
  Server server([](int c) { test::hear_all(c); });
  std::stop_source stop;
  std::jthread soon([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  try {
    probe::probe_one({.host = "127.0.0.1", .port = server.port()}, {.connect = 1h, .handshake = 1h, .total = 1h}, {},
                     stop.get_token());
    FAIL_CHECK("went on");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::cancelled);
  }
}

TEST_CASE("many targets are probed at once and each is answered for") {
  const Identity leaf("many.test");
  const auto context = test::server_context(leaf);
  Server server([&](int connection) { test::serve_tls(context.get(), connection); });
  Limits limits = kQuick;
  limits.in_flight = 4;
  constexpr int count = 24;
  int drawn = 0;
  std::set<std::string> answered;
  probe::probe_all(
      [&]() -> std::optional<Target> {
        if (drawn == count) return std::nullopt;
        return Target{.host = "127.0.0.1", .port = server.port(), .sni = "n" + std::to_string(drawn++) + ".test"};
      },
      [&](const Target& target, const Capture& capture) {
        CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
        CHECK(answered.insert(target.sni).second);
      },
      limits);
  CHECK(answered.size() == count);
}

TEST_CASE("every address of a name is probed where that is asked for") {
  const Identity leaf("all.test");
  const auto context = test::server_context(leaf);
  Server server([&](int connection) { test::serve_tls(context.get(), connection); });
  int left = 1;
  std::set<std::string> addresses;
  bool complete = false;
  probe::probe_all(
      [&]() -> std::optional<Target> {
        if (left-- == 0) return std::nullopt;
        return Target{.host = "localhost", .port = server.port()};
      },
      [&](const Target&, const Capture& capture) {
        CHECK(addresses.insert(capture.address).second);
        complete = complete || capture.outcome == Outcome::complete;
      },
      kQuick, {.addresses = probe::Addresses::all});
  CHECK(complete);
  CHECK(addresses.contains("127.0.0.1:" + std::to_string(server.port())));
}

TEST_CASE("what the receiver of captures throws ends the round") {
  int port = 0;
  {
    port = Server([](int) {}).port();
  }
  Limits limits = kQuick;
  limits.in_flight = 3;
  const auto next = [&]() -> std::optional<Target> { return Target{.host = "127.0.0.1", .port = port}; };
  CHECK_THROWS_AS(probe::probe_all(
                      next, [](const Target&, const Capture&) { throw base::Error(base::Fault::io, "full"); }, limits),
                  base::Error);

  std::stop_source stop;
  int seen = 0;
  probe::probe_all(
      next,
      [&](const Target&, const Capture&) {
        if (++seen == 5) stop.request_stop();
      },
      limits, {}, stop.get_token());
  CHECK(seen == 5);
}
