// What only further looks and a survey of all that a server takes can tell, of real servers and of what stands before
// them: each fault is found by its rule and no other.
#include "probe/hello_peers.h"
#include "system/server.h"
#include "system/zoo.h"

#include <vector>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::system;

TEST_CASE("a survey of a server finds each fault by its rule and no other") {
  const Site site;
  const Mint mint(site);
  Zoo zoo(mint);
  const std::string good = mint.serve("good", mint.wanted());

  struct Row {
    std::string name;
    Rules rules;
    std::string directives = {};
    std::string more = {};
  };
  const std::string strict = "add_header Strict-Transport-Security 'max-age=63072000; includeSubDomains' always;";
  const std::string recommended = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
  const auto suites = [](const std::string& list, const std::string& prefer) {
    return fmt::format("ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {}:@SECLEVEL=0; ssl_prefer_server_ciphers {};", list,
                       prefer);
  };
  const std::vector<Row> rows{
      {"good", {}, suites(recommended, "off")},
      {"no-strict-transport", {"no-strict-transport notice"}, suites(recommended, "on")},
      {"short-strict-transport",
       {"no-strict-transport notice"},
       "add_header Strict-Transport-Security max-age=86400; " + suites(recommended, "on")},
      {"no-resumption",
       {"no-resumption notice"},
       suites(recommended, "on") + " ssl_session_tickets off; ssl_session_cache off;"},
      {"old-too",
       {"offers-old-protocol error", "offers-weak-cipher notice"},
       fmt::format("ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; "
                   "ssl_ciphers {}:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0;",
                   recommended)},
      {"weak-too", {"offers-weak-cipher error"}, suites(recommended + ":ECDHE-ECDSA-NULL-SHA", "on")},
      {"weak-first",
       {"offers-weak-cipher error", "cipher-order notice"},
       suites("ECDHE-ECDSA-NULL-SHA:" + recommended, "on")},
      {"client-chooses",
       {"offers-weak-cipher error", "cipher-order notice"},
       suites(recommended + ":ECDHE-ECDSA-NULL-SHA", "off")},
      {"weak-group-too", {"offers-weak-group notice"}, suites(recommended, "on") + " ssl_ecdh_curve X25519:secp521r1;"},
      {"of-nist",
       {"weak-group notice", "offers-weak-cipher error"},  // X25519, and ChaCha20 of TLS 1.3
       suites(recommended, "on") + " ssl_ecdh_curve prime256v1:X25519;",
       "environment = \"nist\"\n"},
  };
  const std::string curves = "ssl_ecdh_curve X25519:prime256v1;";
  std::vector<NginxServer> servers;
  for (const Row& row : rows)
    servers.push_back({good, row.directives + (row.name.ends_with("strict-transport") ? "" : strict) +
                                 (row.directives.contains("curve") ? "" : curves)});
  // Two names at one more port: who asks for none is shown the first.
  pki::Template of_another = mint.wanted();
  of_another.identifiers = {pki::Identifier::parse("other.example.org")};
  const int shared = free_port();
  servers.push_back({mint.serve("other", of_another),
                     fmt::format("listen 127.0.0.1:{} ssl; {} {}", shared, suites(recommended, "on"), curves)});
  servers.push_back({good, fmt::format("listen 127.0.0.1:{} ssl; server_name {}; {} {}", shared, kServed, strict,
                                       suites(recommended, "on"))});
  const Nginx nginx(site, "deep", servers);
  std::map<std::string, Rules> expected;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    zoo.add(rows[i].name, nginx.port(i), {}, rows[i].more);
    expected[rows[i].name] = rows[i].rules;
  }
  const auto add = [&](const std::string& name, Rules rules, int port) {
    zoo.add(name, port);
    expected[name] = std::move(rules);
  };

  add("two-names", {"default-certificate notice"}, shared);
  const auto context = context_of(good);
  REQUIRE(SSL_CTX_set1_groups_list(context.get(), "X25519:P-256") == 1);
  REQUIRE(SSL_CTX_set_cipher_list(context.get(), recommended.c_str()) == 1);
  const test::Server halves([&](int c) { test::serve_picky(context.get(), c, test::Dislikes::halves); });
  add("halves", {"split-hello warning"}, halves.port());
  const test::Server large([&](int c) { test::serve_picky(context.get(), c, test::Dislikes::size); });
  add("large", {"large-hello warning"}, large.port());
  const test::Server post_quantum([&](int c) { test::serve_post_quantum(context.get(), c); });
  add("post-quantum", {}, post_quantum.port());

  for (const auto& [name, place] : zoo.look({"--deep"})) {
    CAPTURE(name);
    const Json& offer = place["offer"];
    REQUIRE_MESSAGE(offer.is_object(), place["problem"].dump());
    CHECK(offer["whole"] == true);
    Rules found = rules_of(place);
    // Whether the servers' library takes it depends on its version.
    CHECK((found.erase("no-post-quantum notice") == 1) == (offer["post_quantum"] == false));
    if (name == "post-quantum") CHECK(offer["post_quantum"] == true);
    CHECK_MESSAGE(found == expected.at(name), text_of(found), " ", offer.dump());
  }
}
