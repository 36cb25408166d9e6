// What is offered first, what only after a refusal, and what further looks show.
#include "base/error.h"
#include "hello_peers.h"
#include "pki/key.h"
#include "probe/probe.h"
#include "server.h"

#include <set>

#include <doctest/doctest.h>

using namespace everseal;
using namespace std::chrono_literals;
using probe::Capture;
using probe::Depth;
using probe::Outcome;
using probe::Target;
using test::Identity;
using test::Server;

namespace {

Capture look_at(int port, Depth depth = Depth::first, const std::string& sni = "look.test") {
  return probe::probe_one({.host = "127.0.0.1", .port = port, .sni = sni}, {}, {.depth = depth});
}

// The cipher suites and the number of shared keys of a ClientHello of TLS 1.3.
struct Offered {
  std::set<int> ciphers;
  int connections = 0;
};

int on_hello(SSL* ssl, int*, void* argument) {
  auto& offered = *static_cast<Offered*>(argument);
  const unsigned char* ciphers = nullptr;
  const std::size_t size = SSL_client_hello_get0_ciphers(ssl, &ciphers);
  ++offered.connections;
  offered.ciphers.clear();
  for (std::size_t i = 0; i + 1 < size; i += 2) offered.ciphers.insert(ciphers[i] * 256 + ciphers[i + 1]);
  return SSL_CLIENT_HELLO_SUCCESS;
}

// Answers a hello that comes whole with `answer`, and closes where it does not come whole at once.
void answer_hello(int connection, const std::string& answer, bool wants_all_at_once) {
  std::string hello(4096, '\0');
  const ssize_t got = ::recv(connection, hello.data(), hello.size(), 0);
  if (got < 5) return;
  const auto whole = 5U + static_cast<unsigned char>(hello[3]) * 256U + static_cast<unsigned char>(hello[4]);
  if (static_cast<std::size_t>(got) < whole) {
    if (wants_all_at_once) return;
    test::hear(connection, whole - static_cast<std::size_t>(got));
  }
  test::say(connection, answer);
  test::hear_all(connection);
}

}  // namespace

TEST_CASE("weak ciphers are offered only to a peer that refused the usual ones") {
  const Identity leaf("look.test");
  constexpr int kRsaAesCbc = 0x002f;
  for (const char* ciphers : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"}) {
    CAPTURE(ciphers);
    const bool weak = std::string(ciphers).contains("SHA:");
    const auto context = test::server_context(leaf, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context.get(), ciphers);
    Offered offered;
    SSL_CTX_set_client_hello_cb(context.get(), on_hello, &offered);
    Capture capture;
    {
      Server server([&](int c) { test::serve_tls(context.get(), c); });
      capture = look_at(server.port());
    }
    CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
    CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
    CHECK(offered.connections == (weak ? 2 : 1));
    CHECK(offered.ciphers.contains(kRsaAesCbc) == weak);
    CHECK(capture.cipher == (weak ? "ECDHE-ECDSA-AES128-SHA" : "ECDHE-ECDSA-AES128-GCM-SHA256"));
  }
}

TEST_CASE("who refuses the usual offer is not blamed for the form of a hello that makes it") {
  const Identity leaf("look.test");
  const auto context = test::server_context(leaf, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0");
  Capture capture;
  {
    Server server([&](int c) { test::serve_tls(context.get(), c); });
    capture = look_at(server.port(), Depth::deep);
  }
  CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
  CHECK_FALSE(capture.further.split_hello);
  CHECK_FALSE(capture.further.large_hello);
}

TEST_CASE("a refusal that no other offer would have spared is not tried again") {
  struct Row {
    int alert;
    int connections;
  };
  for (const Row& row : {Row{112, 1}, Row{40, 2}, Row{70, 2}}) {
    CAPTURE(row.alert);
    std::atomic<int> connections = 0;
    const std::string alert = std::string("\x15\x03\x03\x00\x02\x02", 6) + static_cast<char>(row.alert);
    Server server([&](int c) {
      ++connections;
      answer_hello(c, alert, false);
    });
    const Capture capture = look_at(server.port());
    CHECK(capture.outcome == Outcome::handshake_failed);
    CHECK(capture.alert == row.alert);
    CHECK(connections == row.connections);
  }
}

TEST_CASE("further looks show resumption, the certificate without a name, and that of the other kind of key") {
  const Identity named("look.test");
  const Identity unnamed("default.test");
  const Identity rsa("look.test", test::rsa_key());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool rich : {true, false}) {
      CAPTURE(version);
      CAPTURE(rich);
      const auto context = test::server_context(unnamed, version);
      const auto by_name = test::server_context(named, version);
      if (rich) {
        SSL_CTX_use_certificate(by_name.get(), rsa.certificate.get());
        SSL_CTX_use_PrivateKey(by_name.get(), rsa.key.get());
      } else {
        SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(context.get(), 0);
      }
      SSL_CTX_set_tlsext_servername_arg(context.get(), by_name.get());
      SSL_CTX_set_tlsext_servername_callback(context.get(),
                                             static_cast<int (*)(SSL*, int*, void*)>([](SSL* ssl, int*, void* other) {
                                               const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
                                               if (name != nullptr) SSL_set_SSL_CTX(ssl, static_cast<SSL_CTX*>(other));
                                               return SSL_TLSEXT_ERR_OK;
                                             }));
      Server server([&](int c) { test::serve_tls(context.get(), c); });
      const Capture capture = look_at(server.port(), Depth::further);
      CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
      CHECK(capture.chain == std::vector<base::Bytes>{named.der});
      CHECK(capture.further.resumes == rich);
      CHECK(capture.further.default_chain == std::vector<base::Bytes>{unnamed.der});
      const probe::Further keys = look_at(server.port(), Depth::keys).further;
      CHECK(keys.other_chain == capture.further.other_chain);
      CHECK_FALSE(keys.resumes);
      CHECK_FALSE(keys.split_hello);
      CHECK_FALSE(keys.post_quantum);
      CHECK(keys.default_chain.empty());
      CHECK(capture.further.other_chain == (rich ? std::vector<base::Bytes>{rsa.der} : std::vector<base::Bytes>{}));
      CHECK(capture.further.split_hello == true);
      CHECK(capture.further.post_quantum == false);
      const Capture plain = look_at(server.port());
      CHECK_FALSE(plain.further.resumes);
      CHECK_FALSE(plain.further.split_hello);
      CHECK_FALSE(plain.further.post_quantum);
      CHECK(plain.further.default_chain.empty());
    }
  }
}

TEST_CASE("a post-quantum group is found by its code point, and a peer that takes no hello in pieces is found out") {
  const Identity leaf("look.test");
  const auto context = test::server_context(leaf, TLS1_3_VERSION);
  std::atomic<int> connections = 0;
  Server server([&](int c) {
    // The first look and the second one, which goes on with it, shake hands.
    if (++connections <= 2) return test::serve_tls(context.get(), c);
    answer_hello(c, test::retry_request(0x11ec), true);
  });
  const Capture capture = look_at(server.port(), Depth::further, "");
  CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
  CHECK(capture.further.resumes == true);
  CHECK(capture.further.post_quantum == true);
  CHECK(capture.further.split_hello == false);
}

TEST_CASE("who answers no hello any more is not said to want it in one piece, or short") {
  const Identity leaf("look.test");
  const auto context = test::server_context(leaf);
  std::atomic<int> connections = 0;
  Server server([&](int c) {
    if (++connections <= 2) return test::serve_tls(context.get(), c);
    test::hear(c);
  });
  const Capture capture = look_at(server.port(), Depth::deep);
  CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
  CHECK_FALSE(capture.further.split_hello);
  CHECK_FALSE(capture.further.large_hello);
}

TEST_CASE("the authorities whose client certificates are taken are told, and a client certificate is shown") {
  const Identity leaf("mtls.test");
  const Identity client("client.test");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const auto context = test::server_context(leaf, version);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), client.certificate.get());
    SSL_CTX_add_client_CA(context.get(), client.certificate.get());
    Server server([&](int c) { test::serve_tls(context.get(), c); });
    Target target{.host = "127.0.0.1", .port = server.port()};
    const Capture without = probe::probe_one(target);
    CHECK(without.client_certificate_required);
    CHECK(without.client_authorities == std::vector{base::Untrusted("CN=client.test")});

    const auto show = [&](const Identity& identity) {
      const base::Bytes der = pki::encode_der(identity.key.get(), i2d_PrivateKey);
      target.client = std::make_shared<const probe::ClientCertificate>(
          probe::ClientCertificate{{identity.der}, pki::PrivateKey::parse(base::Secret(base::as_text(der)))});
      return probe::probe_one(target);
    };
    const Capture with = show(client);
    CHECK_MESSAGE(with.outcome == Outcome::complete, with.problem);
    CHECK(with.client_certificate_requested);
    CHECK_FALSE(with.client_certificate_required);
    CHECK(with.chain == std::vector<base::Bytes>{leaf.der});

    const Capture wrong = show(leaf);
    CHECK(wrong.outcome == Outcome::handshake_failed);
    CHECK(wrong.problem.starts_with("the peer ended the handshake with alert "));
    CHECK(wrong.chain == std::vector<base::Bytes>{leaf.der});
  }
}

TEST_CASE("a key of the other family is looked for by a hello, and by a handshake where that does not tell") {
  const Identity leaf("look.test");
  const Identity rsa("look.test", test::rsa_key());
  struct Row {
    int least, most;
    bool two_keys;
    Depth depth;
    int connections;
  };
  constexpr int kOld = TLS1_2_VERSION, kNew = TLS1_3_VERSION;
  for (const Row& row : {
           Row{kOld, kNew, false, Depth::keys, 2},  // refused for want of a suite: it has none
           Row{kOld, kNew, true, Depth::keys, 2},
           Row{kNew, kNew, false, Depth::keys, 3},  // refused for its version, which tells nothing
           Row{kNew, kNew, true, Depth::keys, 3},
           Row{kOld, kOld, false, Depth::keys, 2},
           Row{kOld, kOld, true, Depth::keys, 2},
           Row{kNew, kNew, true, Depth::first, 1},
       }) {
    CAPTURE(row.least);
    CAPTURE(row.most);
    CAPTURE(row.two_keys);
    const auto context = test::server_context(leaf, row.most);
    SSL_CTX_set_min_proto_version(context.get(), row.least);
    if (row.two_keys) {
      SSL_CTX_use_certificate(context.get(), rsa.certificate.get());
      SSL_CTX_use_PrivateKey(context.get(), rsa.key.get());
    }
    Offered offered;
    SSL_CTX_set_client_hello_cb(context.get(), on_hello, &offered);
    Capture capture;
    {
      Server server([&](int c) { test::serve_tls(context.get(), c); });
      capture = look_at(server.port(), row.depth);
    }
    CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
    CHECK(offered.connections == row.connections);
    CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
    const bool found = row.two_keys && row.depth != Depth::first;
    CHECK(capture.further.other_chain == (found ? std::vector<base::Bytes>{rsa.der} : std::vector<base::Bytes>{}));
  }
}

TEST_CASE("a key of the other family is not looked for beside a leaf that is known to stand alone") {
  const Identity leaf("look.test");
  const Identity rsa("look.test", test::rsa_key());
  const auto context = test::server_context(leaf);
  SSL_CTX_use_certificate(context.get(), rsa.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), rsa.key.get());
  Server server([&](int c) { test::serve_tls(context.get(), c); });
  struct Row {
    const char* about;
    Depth depth;
    pki::Fingerprint alone;
    bool asks;
  };
  const Row rows[] = {{"it is still there", Depth::keys, pki::fingerprint(leaf.der), false},
                      {"another stands there", Depth::keys, pki::fingerprint(rsa.der), true},
                      {"all is asked for", Depth::further, pki::fingerprint(leaf.der), true}};
  for (const Row& row : rows) {
    CAPTURE(row.about);
    probe::Scope scope;
    scope.depth = Depth::first;
    scope.asked = [&](const Target&, const std::string& address) {
      CHECK(address == "127.0.0.1:" + std::to_string(server.port()));
      return probe::Asked{.depth = row.depth, .alone = row.alone};
    };
    const Capture capture =
        probe::probe_one({.host = "127.0.0.1", .port = server.port(), .sni = "look.test"}, {}, scope);
    CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
    CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
    CHECK(capture.further.other_chain == (row.asks ? std::vector<base::Bytes>{rsa.der} : std::vector<base::Bytes>{}));
  }
}
