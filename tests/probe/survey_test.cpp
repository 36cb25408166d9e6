// What a server takes, asked hello by hello: of servers that are made up here, and of the library's own.
#include "probe/survey.h"

#include "probe/probe.h"
#include "probe/registry.h"
#include "server.h"

#include <algorithm>

#include <doctest/doctest.h>

using namespace everseal;
using probe::Accepted;
using probe::ClientHello;
using probe::ServerHello;
using probe::Survey;
using Names = std::vector<std::string>;

namespace {

// One that takes these, by its own order or the client's.
struct MadeUp {
  std::vector<std::uint16_t> versions, ciphers, groups;
  bool own_order = true;
  int silent_from = 1'000;      // hellos, from which on it says nothing
  std::uint16_t key_curve = 0;  // of its ECDSA key
};

template <class List>
std::uint16_t choose(const List& offered, const List& taken, bool own_order) {
  const List& first = own_order ? taken : offered;
  const List& second = own_order ? offered : taken;
  for (const std::uint16_t one : first)
    if (std::ranges::find(second, one) != second.end()) return one;
  return 0;
}

ServerHello answer_of(const MadeUp& server, const ClientHello& hello) {
  ServerHello answer{.kind = ServerHello::Kind::alert, .alert = 70};
  const std::uint16_t version = choose(hello.versions, server.versions, true);
  if (version == 0) return answer;
  const bool is_new = version == 0x0304;
  std::vector<std::uint16_t> ciphers;
  for (const std::uint16_t one : server.ciphers)
    if ((one >> 8 == 0x13) == is_new) ciphers.push_back(one);
  if (server.key_curve != 0 && !is_new && std::ranges::find(hello.groups, server.key_curve) == hello.groups.end())
    ciphers.clear();
  const std::uint16_t group = choose(hello.groups, server.groups, server.own_order);
  if (group == 0) std::erase_if(ciphers, [&](std::uint16_t one) { return is_new || one >> 8 == 0xc0; });
  const std::uint16_t cipher = choose(hello.ciphers, ciphers, server.own_order);
  answer.alert = 40;
  if (cipher == 0) return answer;
  return {.kind = ServerHello::Kind::hello, .version = version, .cipher = cipher, .group = group};
}

Accepted survey_of(const MadeUp& server, int& hellos) {
  Survey survey("look.test");
  hellos = 0;
  while (const auto hello = survey.next()) {
    REQUIRE(++hellos < 300);
    if (hellos >= server.silent_from)
      survey.take(Survey::Answer::not_told, {});
    else
      survey.take(Survey::Answer::told, answer_of(server, *hello));
  }
  return survey.take_accepted();
}

}  // namespace

TEST_CASE("what a server takes is found in its own order, whatever it is") {
  struct Row {
    MadeUp server;
    Names versions, ciphers, groups;
    std::optional<bool> server_order;
  };
  const Row rows[] = {
      {{{0x0304}, {0x1301, 0x1302}, {0x001d, 0x11ec}},
       {"TLSv1.3"},
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"},
       {"X25519", "X25519MLKEM768"},
       std::nullopt},
      {{{0x0303}, {0xc030, 0xc02f, 0x000a}, {0x0017, 0x0018}},
       {"TLSv1.2"},
       {"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "DES-CBC3-SHA"},
       {"P-256", "P-384"},
       true},
      {{{0x0303}, {0xc030, 0xc02f}, {0x0017}, false},
       {"TLSv1.2"},
       {"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"},
       {"P-256"},
       false},
      {{{0x0304, 0x0303, 0x0302, 0x0301}, {0x1303, 0xc02f, 0x002f}, {0x001d, 0x0015}},
       {"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"},
       {"TLS_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"},
       {"X25519", "P-224"},
       true},
      // Refuses each group that is offered without its key's curve.
      {{{0x0303}, {0xc02c, 0xc02b}, {0x0017, 0x001d, 0x0015}, false, 1'000, 0x0017},
       {"TLSv1.2"},
       {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"},
       {"X25519", "P-256", "P-224"},
       false},
      {{{0x0303}, {0xc02c, 0xc02b}, {0x001d, 0x0017, 0x0015}, true, 1'000, 0x0017},
       {"TLSv1.2"},
       {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"},
       {"X25519", "P-256"},
       true},
      {{{0x0300}, {0x0005, 0x0003}, {}}, {"SSLv3"}, {"RC4-SHA", "EXP-RC4-MD5"}, {}, std::nullopt},
      {{{0x0303}, {0x009d}, {}}, {"TLSv1.2"}, {"AES256-GCM-SHA384"}, {}, std::nullopt},
      {{{}, {}, {}}, {}, {}, {}, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.server.versions.size());
    int hellos = 0;
    const Accepted accepted = survey_of(row.server, hellos);
    CHECK(accepted.versions == row.versions);
    CHECK(accepted.ciphers == row.ciphers);
    CHECK(accepted.groups == row.groups);
    CHECK(accepted.server_order == row.server_order);
    CHECK(accepted.is_whole);
    CHECK(hellos <= 80);
  }
}

TEST_CASE("a server that takes everything is asked a bounded number of times") {
  MadeUp everything;
  for (const auto& one : probe::protocol_versions()) everything.versions.push_back(one.code);
  for (const std::uint16_t version : {std::uint16_t{0x0304}, std::uint16_t{0x0303}}) {
    for (const auto& one : probe::cipher_suites(version)) everything.ciphers.push_back(one.code);
    for (const auto& one : probe::key_exchange_groups(version)) everything.groups.push_back(one.code);
  }
  int hellos = 0;
  const Accepted accepted = survey_of(everything, hellos);
  CHECK(accepted.versions.size() == 5);
  CHECK(accepted.ciphers.size() == everything.ciphers.size());
  CHECK(hellos < 200);
}

TEST_CASE("what is not answered is not said to be refused") {
  MadeUp server{{0x0304, 0x0303}, {0x1301, 0xc02f, 0xc030}, {0x001d}};
  server.silent_from = 3;
  int hellos = 0;
  const Accepted accepted = survey_of(server, hellos);
  CHECK(accepted.versions == Names{"TLSv1.3"});
  CHECK_FALSE(accepted.is_whole);
  CHECK(hellos == 5);  // three silences end it
}

TEST_CASE("a survey of a real server agrees with how it was set up") {
  const test::Identity rsa("look.test", test::rsa_key());
  const test::Identity elliptic("look.test");  // P-256
  struct Row {
    const test::Identity& leaf;
    int lowest, highest;
    const char* ciphers;
    const char* groups;
    bool own_order;
    Names versions, taken, taken_groups;
  };
  const Row rows[] = {
      {elliptic,
       TLS1_2_VERSION,
       TLS1_2_VERSION,
       "ECDHE-ECDSA-AES128-GCM-SHA256",
       "X25519:P-256:P-384",
       false,
       {"TLSv1.2"},
       {"ECDHE-ECDSA-AES128-GCM-SHA256"},
       {"X25519", "P-256", "P-384"}},
      {rsa,
       TLS1_2_VERSION,
       TLS1_2_VERSION,
       "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA",
       "P-384:P-256",
       true,
       {"TLSv1.2"},
       {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "AES128-SHA"},
       {"P-256", "P-384"}},
      {rsa,
       TLS1_VERSION,
       TLS1_2_VERSION,
       "AES256-SHA:@SECLEVEL=0",
       "P-256",
       false,
       {"TLSv1.2", "TLSv1.1", "TLSv1"},
       {"AES256-SHA"},
       {}},
      {rsa,
       TLS1_3_VERSION,
       TLS1_3_VERSION,
       "DEFAULT",
       "P-521:X25519",
       true,
       {"TLSv1.3"},
       {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"},
       {"P-521", "X25519"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.ciphers);
    const auto context = test::server_context(row.leaf);
    SSL_CTX_set_min_proto_version(context.get(), row.lowest);
    SSL_CTX_set_max_proto_version(context.get(), row.highest);
    REQUIRE(SSL_CTX_set_cipher_list(context.get(), row.ciphers) == 1);
    REQUIRE(SSL_CTX_set1_groups_list(context.get(), row.groups) == 1);
    if (row.own_order) SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
    test::Server server([&](int c) { test::serve_tls(context.get(), c); });
    const probe::Capture capture = probe::probe_one({.host = "127.0.0.1", .port = server.port(), .sni = "look.test"},
                                                    {}, {.depth = probe::Depth::deep});
    CHECK_MESSAGE(capture.outcome == probe::Outcome::complete, capture.problem);
    CHECK(capture.depth == probe::Depth::deep);
    REQUIRE(capture.accepted);
    CHECK(capture.accepted->is_whole);
    CHECK(capture.accepted->versions == row.versions);
    CHECK(capture.accepted->ciphers == row.taken);
    CHECK(std::ranges::is_permutation(capture.accepted->groups, row.taken_groups));
    // Who refused the usual suites would refuse a large hello with them for another reason than its size.
    const bool takes_usual = row.taken != Names{"AES256-SHA"};
    CHECK(capture.further.large_hello == (takes_usual ? std::optional(true) : std::nullopt));
    CHECK(capture.further.resumes == true);
    CHECK_FALSE(capture.further.strict_transport);  // nothing agreed on HTTP
  }
}

TEST_CASE("Strict-Transport-Security is read of who speaks HTTP, and of nobody else") {
  const test::Identity leaf("look.test");
  struct Row {
    std::string answer;
    bool agrees;
    std::optional<std::string> value;
  };
  const std::string head = "HTTP/1.1 301 Moved\r\nLocation: /\r\n";
  const Row rows[] = {
      {head +
           "strict-transport-security:  max-age=31536000; includeSubDomains \r\n\r\nStrict-Transport-Security: no\r\n",
       true, "max-age=31536000; includeSubDomains"},
      {head + "\r\nStrict-Transport-Security: max-age=1\r\n", true, ""},
      {head + "Strict-Transport-Security: max-age=1\r\n\r\n", false, std::nullopt},
      {"220 mail.test ESMTP\r\n", true, std::nullopt},
      {"", true, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.answer);
    const auto context = test::server_context(leaf);
    if (row.agrees)
      SSL_CTX_set_alpn_select_cb(
          context.get(),
          [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned int, void*) {
            *out = in + 1;
            *size = in[0];
            return SSL_TLSEXT_ERR_OK;
          },
          nullptr);
    test::Server server([&](int c) {
      const test::Session session(SSL_new(context.get()));
      SSL_set_fd(session.get(), c);
      char request[4096];
      if (SSL_accept(session.get()) == 1 && SSL_read(session.get(), request, sizeof request) > 0 &&
          std::string_view(request, 5) == "HEAD " && !row.answer.empty())
        SSL_write(session.get(), row.answer.data(), static_cast<int>(row.answer.size()));
      ERR_clear_error();
    });
    const probe::Capture capture = probe::probe_one({.host = "127.0.0.1", .port = server.port(), .sni = "look.test"},
                                                    {}, {.depth = probe::Depth::deep});
    REQUIRE_MESSAGE(capture.outcome == probe::Outcome::complete, capture.problem);
    const auto& told = capture.further.strict_transport;
    CHECK((told ? std::optional(told->raw()) : std::nullopt) == row.value);
  }
}
