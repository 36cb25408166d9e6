// Real servers of every kind, good and bad: the good ones have nothing above a notice, and each fault is found by its
// rule and no other.
#include "system/zoo.h"

#include "../skip.h"
#include "fakes/slow_proxy.h"
#include "pki/pem.h"
#include "probe/windows_peers.h"
#include "system/haproxy.h"
#include "system/mint.h"
#include "system/other_scanners.h"
#include "system/postgres.h"
#include "system/s_server.h"
#include "system/server.h"
#include "system/starttls_server.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;
using pki::testing::kDay;
using pki::testing::kNow;

TEST_CASE("good servers of every protocol have nothing above a notice") {
  if (skipped_without_root()) return;
  const Site site;
  const Mint mint(site);
  Zoo zoo(mint);
  const std::string good = mint.serve("good", mint.wanted());
  write_text(good + "/combined.pem", read_text(good + "/fullchain.pem") + read_text(good + "/privkey.pem"), 0600);

  const StarttlsServer postfix = start_postfix(site, good), dovecot = start_dovecot(site, good),
                       openldap = start_openldap(site, good), mariadb = start_mariadb(site, good),
                       vsftpd = start_vsftpd(site, good), prosody = start_prosody(site, good);
  const Postgres postgres(site, good);
  const Nginx nginx(site, "good", good);
  const HaProxy haproxy(site, good + "/combined.pem");
  const SServer s_server(good);
  const auto context = context_of(good);
  const test::Server mssql([&](int c) { test::serve_mssql(context.get(), c, 4088); });
  const test::Server rdp([&](int c) { test::serve_rdp(context.get(), c); });

  zoo.add("postfix", postfix);
  zoo.add("dovecot", dovecot);
  zoo.add("openldap", openldap);
  zoo.add("mariadb", mariadb);
  zoo.add("vsftpd", vsftpd);
  zoo.add("prosody", prosody);
  zoo.add("postgres", postgres.port(), "postgres");
  zoo.add("nginx", nginx.port());
  zoo.add("haproxy", haproxy.port());
  zoo.add("s-server", s_server.port());
  zoo.add("mssql", mssql.port(), "mssql");
  zoo.add("rdp", rdp.port(), "rdp");

  for (const auto& [name, place] : zoo.look()) {
    CAPTURE(name);
    CHECK_MESSAGE(place["outcome"] == "complete", place["problem"].dump());
    CHECK(place["ends"]["leaf"].is_string());
    for (const Json& finding : place["findings"]) CHECK_MESSAGE(finding["severity"] == "notice", finding.dump());
  }
}

TEST_CASE("each fault that a server can have is found by its rule and no other") {
  const Site site;
  const Mint mint(site);
  Zoo zoo(mint);
  using pki::testing::Authority;
  using pki::testing::ca_template;
  using pki::testing::issue;
  using pki::testing::key_of;
  using pki::testing::make_root;

  // Issuing CAs with a fault of their own, of the same root.
  const auto authority = [&](int number, base::Seconds left) {
    const pki::PrivateKey& key = key_of(pki::KeyType::ecdsa_p256, number);
    pki::Template wanted = ca_template("Issuing " + std::to_string(number), key);
    wanted.not_after = kNow + left;
    wanted.not_before = wanted.not_after - 365 * kDay;
    return Authority{issue(wanted, mint.root), key};
  };
  const Authority ended = authority(11, -kDay), ending = authority(12, 5 * kDay), second = authority(13, 300 * kDay);
  const Authority stranger = make_root(pki::KeyType::ecdsa_p256, 14, "Stranger");
  const auto below = [&](const Authority& issuer) {
    return std::vector<pki::Certificate>{issue(mint.wanted(), issuer), issuer.certificate};
  };
  const auto third_key = key_of(pki::KeyType::ecdsa_p256, 15).pem();
  pki::Template third_wanted = ca_template("Third", key_of(pki::KeyType::ecdsa_p256, 15));
  const Authority third{issue(third_wanted, second), key_of(pki::KeyType::ecdsa_p256, 15).parse(third_key)};

  // Leafs that differ from a good one in one point.
  const auto changed = [&](auto change) {
    pki::Template wanted = mint.wanted();
    change(wanted);
    return mint.chain_of(wanted);
  };
  const auto lived = [&](base::Seconds life) {
    return changed([&](pki::Template& wanted) {
      wanted.not_before = kNow - kDay;
      wanted.not_after = wanted.not_before + life - base::Seconds(1);
    });
  };
  const auto self_signed = [&] {
    return pki::Certificate::parse(pki::sign_certificate(mint.wanted(), nullptr, mint.key));
  };
  const auto chain = mint.chain_of(mint.wanted());
  const pki::Certificate& leaf = chain[0];
  const pki::Certificate other_leaf = issue(mint.wanted(), mint.issuing);
  const pki::Certificate third_leaf = issue(mint.wanted(), third);

  // Keys that Everseal does not make.
  const auto served_with_key = [&](const std::string& name, const Words& generate) {
    const std::string file = site / (name + ".key");
    Words argv{"openssl", "genpkey", "-out", file, "-quiet"};
    argv.insert(argv.end(), generate.begin(), generate.end());
    run_or_fail(argv);
    const std::string pem = read_text(file);
    pki::Template wanted = mint.wanted();
    wanted.public_key_info = pki::public_half(pki::parse_pem(pem).front().der);
    return mint.serve(name, mint.chain_of(wanted), base::Secret(pem));
  };
  const base::Bytes close_primes = key_of_close_primes();
  pki::Template of_close_primes = mint.wanted();
  of_close_primes.public_key_info = pki::public_half(close_primes);

  run_or_fail({"openssl", "req", "-new", "-key", mint.serve("sha1", chain) + "/privkey.pem", "-subj", "/CN=zoo", "-out",
               site / "sha1.csr"});
  write_text(site / "sha1.ext", fmt::format("subjectAltName=DNS:{}\nextendedKeyUsage=serverAuth\n", kServed));
  run_or_fail({"openssl", "x509", "-req", "-in", site / "sha1.csr", "-sha1", "-days", "90", "-CA", mint.issuing_file(),
               "-CAkey", mint.issuing_key_file(), "-set_serial", "77", "-extfile", site / "sha1.ext", "-out",
               site / "sha1.pem"});
  write_text(site / "sha1/fullchain.pem", read_text(site / "sha1.pem") + mint.issuing.certificate.pem());

  const auto stapling = [](const std::string& file) {
    return fmt::format("ssl_stapling on; ssl_stapling_file {};", file);
  };
  const std::string weak = "ssl_ciphers DEFAULT@SECLEVEL=0;";
  const std::string good = mint.serve("good", chain);
  const std::string web = "environment = \"web\"\n";

  // Which lead there, and which do not.
  const fakes::SlowProxy leading(std::chrono::milliseconds(0));
  const test::Server refusing([](int c) {
    while (!test::hear(c).empty()) {
    }
    test::say(c, "HTTP/1.1 403 Forbidden\r\n\r\n");
  });

  struct Row {
    std::string name;
    std::string directory;
    Rules rules;
    std::string directives = {};
    std::string more = {};
  };
  const std::vector<Row> rows{
      {"good", good, {}},
      {"expired", mint.serve("expired", mint.ending(-base::Seconds(60), 90 * kDay)), {"expired critical"}},
      {"expiring", mint.serve("expiring", mint.ending(20 * kDay, 90 * kDay)), {"expiring warning"}},
      {"expiring-soon", mint.serve("expiring-soon", mint.ending(5 * kDay, 90 * kDay)), {"expiring critical"}},
      {"short-lived", mint.serve("short-lived", mint.ending(3 * kDay, 6 * kDay)), {}},
      {"short-expiring", mint.serve("short-expiring", mint.ending(kDay * 3 / 2, 6 * kDay)), {"expiring warning"}},
      {"not-yet", mint.serve("not-yet", mint.ending(91 * kDay, 90 * kDay)), {"not-yet-valid critical"}},
      {"authority-expired", mint.serve("authority-expired", below(ended)), {"authority-expired critical"}},
      {"authority-expiring", mint.serve("authority-expiring", below(ending)), {"authority-expiring critical"}},
      {"name",
       mint.serve("name", changed([](pki::Template& wanted) {
                    wanted.identifiers = {pki::Identifier::parse("other.example.org")};
                  })),
       {"name-mismatch error"}},
      {"untrusted", mint.serve("untrusted", below(stranger)), {"untrusted error", "chain-superfluous-root notice"}},
      {"self-signed", mint.serve("self-signed", {self_signed()}), {"self-signed error"}},
      {"incomplete", mint.serve("incomplete", {leaf}), {"chain-incomplete error"}},
      {"misordered",
       mint.serve("misordered", {third_leaf, second.certificate, third.certificate}),
       {"chain-misordered warning"}},
      {"foreign", mint.serve("foreign", {leaf, mint.issuing.certificate, other_leaf}), {"chain-foreign warning"}},
      {"root-too",
       mint.serve("root-too", {leaf, mint.issuing.certificate, mint.root.certificate}),
       {"chain-superfluous-root notice"}},
      {"rsa-1024",
       served_with_key("rsa-1024", {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"}),
       {"weak-key error"},
       weak},
      {"close-primes",
       mint.serve("close-primes", mint.chain_of(of_close_primes),
                  base::Secret(pki::pem("RSA PRIVATE KEY", close_primes))),
       {"broken-key critical"}},
      {"ed25519", served_with_key("ed25519", {"-algorithm", "ED25519"}), {"key-type notice"}},
      {"sha1", site / "sha1", {"weak-signature error"}, weak},
      {"long-life", mint.serve("long-life", lived(201 * kDay)), {"lifetime error"}, {}, web},
      {"short-enough", mint.serve("short-enough", lived(199 * kDay)), {}, {}, web},
      {"reverse-zone",
       mint.serve("reverse-zone", changed([](pki::Template& wanted) {
                    wanted.identifiers.push_back(pki::Identifier::parse("1.0.0.127.in-addr.arpa"));
                  })),
       {"name error"},
       {},
       web},
      {"for-clients",
       mint.serve("for-clients", changed([](pki::Template& wanted) { wanted.extended_key_usage = {"clientAuth"}; })),
       {"server-auth-missing error"}},
      {"for-code",
       mint.serve("for-code", changed([](pki::Template& wanted) {
                    wanted.extended_key_usage = {"serverAuth", "codeSigning"};
                  })),
       {"usage error"},
       {},
       web},
      {"old", good, {"old-protocol error", "weak-cipher notice"}, "ssl_protocols TLSv1.1; " + weak},
      {"null",
       good,
       {"weak-cipher error"},
       "ssl_protocols TLSv1.2; ssl_ciphers NULL-SHA256:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0;"},
      {"cbc", good, {"weak-cipher notice"}, "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;"},
      {"not-modern",
       good,
       {"old-protocol error", "weak-cipher error"},
       "ssl_protocols TLSv1.2;",
       "environment = \"modern\"\n"},
      {"x25519-of-nist", good, {"weak-group notice"}, "ssl_ecdh_curve X25519;", "environment = \"nist\"\n"},
      {"secp521r1", good, {"weak-group notice"}, "ssl_ecdh_curve secp521r1;"},
      {"stapled", good, {}, stapling(mint.ocsp_response("good", leaf, Mint::Said::good))},
      {"revoked", good, {"revoked critical"}, stapling(mint.ocsp_response("revoked", leaf, Mint::Said::revoked))},
      {"staple-of-another",
       good,
       {"staple-useless warning"},
       stapling(mint.ocsp_response("other", other_leaf, Mint::Said::good))},
      {"must-staple",
       mint.serve("must-staple", changed([](pki::Template& wanted) {
                    wanted.others.push_back({"1.3.6.1.5.5.7.1.24", false, {0x30, 0x03, 0x02, 0x01, 0x05}});
                  })),
       {"staple-missing error"}},
      {"by-proxy", good, {}, {}, fmt::format("proxy = \"{}\"\n", leading.url())},
      {"proxy-refused",
       good,
       {"proxy-refused error"},
       {},
       fmt::format("proxy = \"http://127.0.0.1:{}\"\n", refusing.port())},
  };
  std::vector<NginxServer> servers;
  for (const Row& row : rows) servers.push_back({row.directory, row.directives});
  const Nginx nginx(site, "zoo", servers);
  for (std::size_t i = 0; i < rows.size(); ++i) zoo.add(rows[i].name, nginx.port(i), {}, rows[i].more);

  std::map<std::string, Rules> expected;
  for (const Row& row : rows) expected[row.name] = row.rules;
  const auto add = [&](const std::string& name, Rules rules, const auto& where, const std::string& starttls = {}) {
    zoo.add(name, where, starttls);
    expected[name] = std::move(rules);
  };

  // What keeps the audit from seeing a certificate, or from seeing more.
  const SServer mutual(good, {"-Verify", "1"});
  add("mutual", {"client-certificate-required notice"}, mutual.port());
  const SServer mutual_before(good, {"-Verify", "1", "-tls1_2"});
  add("mutual-before", {"client-certificate-required notice"}, mutual_before.port());
  const SServer anonymous(good, {"-tls1_2", "-nocert", "-cipher", "AECDH:@SECLEVEL=0"});
  const SServer no_agreement(good, {"-tls1_2", "-nocert", "-psk", "00", "-cipher", "PSK"});
  add("anonymous", {"no-certificate error"}, anonymous.port());
  add("no-agreement", {"handshake-failed error"}, no_agreement.port());
  const StarttlsServer without_tls = start_vsftpd(site, good, ServerTls::off);
  without_tls.wait();
  add("starttls-refused", {"starttls-refused error"}, without_tls.port(), "ftp");
  const StarttlsServer not_at_once = start_vsftpd(site, good);
  not_at_once.wait();
  add("not-at-once", {"not-tls error"}, not_at_once.port(), "none");
  const test::Server silent([](int c) { test::hear_all(c); });
  add("silent", {"timed-out error"}, silent.port());
  const test::Server injecting([](int c) {
    test::say(c, "220 mail\r\n");
    test::hear(c);
    test::say(c, "250-mail\r\n250 STARTTLS\r\n");
    test::hear(c);
    test::say(c, "220 go ahead\r\n250 said in the clear\r\n");
    test::hear_all(c);
  });
  add("injected", {"starttls-injected critical"}, injecting.port(), "smtp");
  std::vector<pki::Certificate> endless = chain;
  while (endless.size() < 4000) endless.push_back(mint.issuing.certificate);
  const SServer too_large(mint.serve("too-large", endless));
  add("too-large", {"chain-too-large error"}, too_large.port());
  add("closed", {"connection-refused error"}, free_port());
  add("no-such-name", {"name-not-resolved error"}, std::string("no-such-host.invalid:443"));
  add("no-way", {"unreachable error"}, std::string("255.255.255.255:443"));

  for (const auto& [name, place] : zoo.look()) {
    CAPTURE(name);
    const Rules found = faults_of(place);
    CHECK_MESSAGE(found == expected.at(name), text_of(found), " ", place["problem"].dump());
  }
  CHECK(leading.tunnels() > 0);

  if (std::getenv("EVERSEAL_AGREEMENT") == nullptr) return;  // minutes: by hand, see tests/README.md
  // By the local openssl where its own sockets say no more: half the time.
  const Words of_certificate{"--ssl-native", "-S"};
  const Agreement agreements[] = {
      {"good", of_certificate, "cert_chain_of_trust", "passed", "<self-signed>false"},
      {"expired", of_certificate, "cert_expirationStatus", "expired", "<expired>true"},
      {"expiring-soon", of_certificate, "cert_expirationStatus", "expires < 30 days", "<expired>false"},
      {"name", of_certificate, "cert_trust", "certificate does not match", "DNS:other.example.org"},
      {"untrusted", of_certificate, "cert_chain_of_trust", "failed", "<self-signed>false"},
      {"self-signed", of_certificate, "cert_chain_of_trust", "failed (self signed)", "<self-signed>true"},
      {"incomplete", of_certificate, "cert_chain_of_trust", "failed (chain incomplete", ""},
      {"misordered", of_certificate, "certs_list_ordering_problem", "yes", ""},
      {"rsa-1024", of_certificate, "cert_keySize", "RSA 1024", "bits=\"1024\""},
      {"sha1", of_certificate, "cert_signatureAlgorithm", "ECDSA with SHA1", "ecdsa-with-SHA1"},
      {"old", {"-p"}, "TLS1_1", "offered", "version=\"1.1\" enabled=\"1\""},
      {"null", {"-s"}, "cipherlist_NULL", "offered", "strength=\"null\""},
      {"stapled", of_certificate, "OCSP_stapling", "offered", ""},
      {"revoked", of_certificate, "cert_ocspRevoked", "revoked", ""},
      {"must-staple", of_certificate, "cert_mustStapleExtension", "extension detected but no OCSP stapling", ""},
  };
  // They wait more than they compute.
  std::map<std::string, std::future<std::string>> disagreements;
  for (const Agreement& one : agreements) {
    const auto row = std::ranges::find(rows, one.row, &Row::name);
    REQUIRE(row != rows.end());
    const int port = nginx.port(static_cast<std::size_t>(row - rows.begin()));
    disagreements[one.row] = std::async(std::launch::async, [&one, &mint, &site, port] {
      return disagreement(one, kServed, port, mint.root_file(), site / (one.row + ".testssl.json"));
    });
  }
  for (auto& [row, why] : disagreements) {
    CAPTURE(row);
    CHECK(why.get() == "");
  }
}
