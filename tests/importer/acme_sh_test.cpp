// What acme.sh leaves, as its script writes it, and what people and crashes make of it.
#include "importer/acme_sh.h"

namespace everseal::importer::testing {
namespace {

using AcmeSh = AcmeShTree;

std::string marked(std::string_view text) {
  return "__ACME_BASE64__START_" + base::base64(base::as_bytes(text)) + "__ACME_BASE64__END_";
}

// But for the one on keys that are kept.
std::string remarks_but_the_usual(Found& found) {
  if (!found.lineages.empty()) {
    REQUIRE_FALSE(found.remarks.empty());
    CHECK(judge::contains(found.remarks.back().text, "keeps a key at renewals"));
    found.remarks.pop_back();
  }
  return remarks_of(found);
}

TEST_CASE("acme.sh's accounts and certificates are read") {
  const AcmeSh client;
  const auto& ec = pki::testing::key_of(KeyType::ecdsa_p256, 9);
  const auto& rsa = pki::testing::key_of(KeyType::rsa_2048, 7);
  client.settings({{"ACCOUNT_EMAIL", "ops@example.org, dev@example.org"}, {"CA_BUNDLE", "/etc/ssl/ca.pem"}});
  // The port is not in the path.
  client.add_account("ca.example.net/dir", ec, {{"ACCOUNT_URL", "https://ca.example.net:14000/my-account/1"}});
  client.add_account("acme.zerossl.com/v2/DV90", rsa,
                     {{"CA_EMAIL", "zero@example.org"}, {"CA_EAB_HMAC_KEY", "hunter2"}});
  // Of older versions, and one that has ended.
  client.add_account("acme-v01.api.letsencrypt.org", rsa, {});
  client.add_account("ca.example.net/dir/deactivated/1", rsa, {});
  const Issued www({"www.example.org", "example.org"}, 1);
  const Issued rsa_www({"www.example.org"}, 2, KeyType::rsa_2048);
  const Issued wild({"*.example.org"}, 3);
  client.add("www.example.org_ecc", www, {{"Le_Alt", "example.org"}, {"Le_Preferred_Chain", marked("Some Root")}});
  client.add("www.example.org", rsa_www, {{"Le_API", ""}});
  client.add("*.example.org_ecc", wild, {{"Le_Certificate_Profile", "shortlived"}});
  client.add("2001:db8::1_ecc", Issued({"2001:db8::1"}, 4));
  // Not managed any more, and no certificate's.
  client.add("removed.example.org", www);
  fs::rename(client / "removed.example.org/removed.example.org.conf",
             client / "removed.example.org/removed.example.org.conf.removed");
  client.write("dnsapi/dns_cf.sh", "");
  client.write("acme.sh", "");

  Found found = client.read();
  CHECK(remarks_but_the_usual(found).empty());
  REQUIRE(found.accounts.size() == 3);
  CHECK(found.accounts.at(0).label == "ca/acme-v01.api.letsencrypt.org");
  const auto account_of = [&](const char* label) -> const Account& {
    return found.accounts.at(lineage_of(found, label).account.value());
  };
  const Account& account = account_of("www.example.org_ecc");
  CHECK(account.label == "ca/ca.example.net/dir");
  CHECK(account.server == Server{kAcmeShServer, "ca.example.net:14000"});
  CHECK(account.url == "https://ca.example.net:14000/my-account/1");
  CHECK(account.contact == std::vector<std::string>{"mailto:ops@example.org", "mailto:dev@example.org"});
  CHECK(account.ca_file == "/etc/ssl/ca.pem");
  CHECK(account.key.public_key_info() == ec.public_key_info());
  CHECK(account_of("www.example.org").contact == std::vector<std::string>{"mailto:zero@example.org"});

  CHECK(labels_of(found) == "*.example.org_ecc, 2001:db8::1_ecc, www.example.org, www.example.org_ecc");
  const Lineage& first = lineage_of(found, "www.example.org_ecc");
  CHECK(first.chain == www.chain);
  CHECK(first.key.value().public_key_info() == www.key.public_key_info());
  CHECK(first.preferred_chain == "Some Root");
  CHECK(lineage_of(found, "*.example.org_ecc").profile == "shortlived");
  CHECK(lineage_of(found, "www.example.org").key.value().type() == KeyType::rsa_2048);
  CHECK(lineage_of(found, "www.example.org").server.directory == "https://acme.zerossl.com/v2/DV90");
}

TEST_CASE("where acme.sh keeps certificates elsewhere they are read there") {
  const Issued issued({"www.example.org"});
  const AcmeSh client;
  client.add("www.example.org", issued, {}, "elsewhere/");
  client.settings({{"CERT_HOME", client / "elsewhere"}, {"DEFAULT_ACME_SERVER", "https://default.example.net/dir"}});
  CHECK(labels_of(client.read()) == "www.example.org");
  // A folder that is none, or relative to nobody knows what, is not meant.
  for (const char* const home : {"/none", "elsewhere", ".", "-"}) {
    CAPTURE(home);
    client.settings({{"CERT_HOME", home}});
    CHECK(labels_of(client.read()).empty());
  }
  client.settings({{"DEFAULT_ACME_SERVER", "https://default.example.net/dir"}, {"CA_BUNDLE", "ca.pem"}});
  client.add("old.example.org", issued, {{"Le_API", ""}});
  client.add_account("default.example.net/dir", issued.key, {});
  const Found found = client.read();
  CHECK(lineage_of(found, "old.example.org").server.directory == "https://default.example.net/dir");
  CHECK(found.accounts.front().ca_file.empty());
}

TEST_CASE("how acme.sh proved names becomes challenges, or a remark that says what to do") {
  const struct {
    AcmeSh::Lines lines;
    std::string challenges;
    std::string remark;  // none where empty
  } rows[] = {
      {{{"Le_Webroot", "no"}}, "http-01 www.example.org", {}},
      {{{"Le_Webroot", "no"}, {"Le_HTTPPort", "5002"}, {"Le_LocalAddress", "127.0.0.1"}},
       "http-01 www.example.org port=5002 address=127.0.0.1",
       {}},
      {{{"Le_Webroot", "no"}, {"Le_HTTPPort", "0"}}, "http-01 www.example.org", {}},
      {{{"Le_Webroot", "alpn"}}, "tls-alpn-01 www.example.org", {}},
      {{{"Le_Webroot", "alpn"}, {"Le_TLSPort", "5001"}}, "tls-alpn-01 www.example.org port=5001", {}},
      {{{"Le_Webroot", "/srv/www"}}, "http-01 www.example.org webroot=/srv/www", {}},
      {{{"Le_Webroot", "dns_persist"}}, "dns-persist-01 www.example.org", {}},
      {{{"Le_Webroot", "dns_cf"}}, "dns-01 www.example.org provider=cloudflare token_file:\"hunter2\"", {}},
      {{{"Le_Webroot", "dns_desec"}}, "dns-01 www.example.org provider=desec token_file:\"hunter3\"", {}},
      // One a name, in their order; what is left out is as before it.
      {{{"Le_Alt", "a.example.org,b.example.org"}, {"Le_Webroot", "/srv/www"}},
       "http-01 a.example.org b.example.org www.example.org webroot=/srv/www",
       {}},
      {{{"Le_Alt", "a.example.org,b.example.org,c.example.org"}, {"Le_Webroot", "/srv/www,,dns_cf"}},
       "http-01 a.example.org www.example.org webroot=/srv/www | "
       "dns-01 b.example.org c.example.org provider=cloudflare token_file:\"hunter2\"",
       {}},
      // A zone may need both.
      {{{"Le_Domain", "example.org"}, {"Le_Alt", "*.example.org,*.Example.org"}, {"Le_Webroot", "/srv/www,dns_cf"}},
       "http-01 example.org webroot=/srv/www | dns-01 *.example.org provider=cloudflare token_file:\"hunter2\"",
       {}},
      {{{"Le_Alt", "bücher.example"}, {"Le_Webroot", "/srv/www"}},
       "http-01 www.example.org xn--bcher-kva.example webroot=/srv/www",
       {}},

      {{{"Le_Alt", "192.0.2.7"}, {"Le_Webroot", "/srv/www"}}, "http-01 192.0.2.7 www.example.org webroot=/srv/www", {}},
      // What the certificate does not have counts nothing.
      {{{"Le_Alt", "d.example.org"}, {"Le_Webroot", "/srv/www"}}, "http-01 www.example.org webroot=/srv/www", {}},
      {{{"Le_Alt", "a..b,\x1b[2J"}, {"Le_Webroot", "/srv/www"}}, "http-01 www.example.org webroot=/srv/www", {}},
      {{{"Le_Webroot", "dns_aws"}}, {}, "`dns_aws`, which does not translate (a [challenge.NAME] for zones = [\"www."},
      {{{"Le_Webroot", "dns_unknown"}}, {}, "`dns_unknown`"},
      {{{"Le_Webroot", "dns"}}, {}, "`dns`"},
      {{{"Le_Webroot", "nginx:/etc/nginx/x.conf"}}, {}, "`nginx:/etc/nginx/x.conf`"},
      {{{"Le_Webroot", "apache"}}, {}, "`apache`"},
      {{{"Le_Webroot", "stateless"}}, {}, "`stateless`"},
      {{{"Le_Webroot", "\x1b[2J"}}, {}, "`\\x1b[2J`"},
      {{{"Le_Webroot", ""}}, {}, "``"},
  };
  const Issued issued({"www.example.org", "a.example.org", "b.example.org", "c.example.org", "example.org",
                       "*.example.org", "bücher.example", "192.0.2.7"});
  for (const auto& [lines, challenges, remark] : rows) {
    CAPTURE(lines.at("Le_Webroot"));
    const AcmeSh client;
    client.settings(
        {{"SAVED_CF_Token", "hunter2"}, {"DEDYN_TOKEN", "hunter3"}, {"SAVED_AWS_ACCESS_KEY_ID", "hunter4"}});
    client.add("www.example.org_ecc", issued, lines);
    Found found = client.read();
    CHECK(challenges_of(lineage_of(found, "www.example.org_ecc")) == challenges);
    const std::string remarks = remarks_but_the_usual(found);
    CHECK(remarks.empty() == remark.empty());
    CHECK_MESSAGE(judge::contains(remarks, remark), remarks);
    CHECK_FALSE(judge::contains(remarks, "hunter"));
    check_challenges_are_valid(found);
  }
}

TEST_CASE("what acme.sh did otherwise is said, with hooks decoded") {
  const struct {
    AcmeSh::Lines lines;
    const char* remark;
  } told[] = {
      {{{"Le_PreHook", marked("systemctl stop 'nginx'")}}, "(Le_PreHook = systemctl stop 'nginx')"},
      {{{"Le_PostHook", marked("a\nb")}}, "(Le_PostHook = a\\nb)"},
      {{{"Le_RenewHook", marked("\x1b[2J")}}, "(Le_RenewHook = \\x1b[2J)"},
      {{{"Le_ReloadCmd", "nginx -s 'reload'"}}, "(Le_ReloadCmd = nginx -s 'reload')"},
      {{{"Le_RenewalDays", "30"}}, "(Le_RenewalDays = 30)"},
      {{{"Le_DeployHook", "nginx,docker"}, {"SAVED_DEPLOY_SECRET", "hunter2"}}, "(Le_DeployHook = nginx,docker)"},
      {{{"Le_OCSP_Staple", "1"}}, "must-staple"},
      {{{"Le_Valid_To", "+30d"}}, "(Le_Valid_To = +30d)"},
      {{{"Le_ReloadCmd", std::string(100'000, 'a')}}, "aaa...)"},
  };
  const Issued issued({"www.example.org"});
  for (const auto& [lines, remark] : told) {
    CAPTURE(remark);
    const AcmeSh client;
    client.add("www.example.org", issued, lines);
    Found found = client.read();
    const std::string remarks = remarks_but_the_usual(found);
    CHECK(found.remarks.size() == 1);
    CHECK_MESSAGE(judge::contains(remarks, remark), remarks);
    CHECK_FALSE(judge::contains(remarks, "hunter2"));
  }
  const AcmeSh quiet;
  quiet.add("www.example.org", issued,
            {{"Le_PreHook", ""},
             {"Le_PostHook", marked("")},
             {"Le_ReloadCmd", "no"},
             {"Le_RealCertPath", "no"},
             {"Le_RealKeyPath", ""},
             {"Le_RealCACertPath", "relative"}});
  Found found = quiet.read();
  CHECK(remarks_but_the_usual(found).empty());
  CHECK(found.lineages.front().copies.empty());

  const AcmeSh installed;
  installed.add("www.example.org", issued,
                {{"Le_RealKeyPath", "/etc/nginx/tls/key.pem"}, {"Le_RealFullChainPath", "/etc/nginx/tls/\x1b.pem"}});
  Found copied = installed.read();
  CHECK(copied.lineages.front().copies ==
        std::vector<Copy>{{"privkey", "/etc/nginx/tls/key.pem"}, {"fullchain", "/etc/nginx/tls/\x1b.pem"}});
  CHECK(
      judge::contains(remarks_but_the_usual(copied), "installed at /etc/nginx/tls/key.pem, /etc/nginx/tls/\\x1b.pem"));
}

TEST_CASE("nothing in acme.sh's files is run") {
  const AcmeSh client;
  const std::string marker = client / "was-run";
  client.add("www.example.org", Issued({"www.example.org"}));
  const std::string evil = fmt::format("$(touch {0})\nX=`touch {0}`\ntouch {0}\nX='$(touch {0})'\n", marker);
  for (const char* const file :
       {"account.conf", "www.example.org/www.example.org.conf", "ca/ca.example.net/dir/ca.conf"}) {
    fs::create_directories(fs::path(client / file).parent_path());
    std::ofstream(client / file, std::ios::app) << evil;
  }
  CHECK(labels_of(client.read()) == "www.example.org");
  CHECK_FALSE(fs::exists(marker));
}

TEST_CASE("a certificate of acme.sh's that is broken is told, and leaves the others") {
  const struct {
    const char* what;
    void (*breaks)(const AcmeSh& client);
    std::string why;
  } rows[] = {
      {"a key of one's own", [](const AcmeSh& it) { fs::remove(it / "bad.org/bad.org.key"); },
       "bad.org: its key is not here: it was made from a request of its own"},
      {"another key", [](const AcmeSh& it) { it.link("bad.org/bad.org.key", "../good.org/good.org.key"); },
       "belongs to the private key"},
      {"garbage for a key", [](const AcmeSh& it) { it.write("bad.org/bad.org.key", "hunter2"); },
       "! bad.org: its key: "},
      {"a settings loop", [](const AcmeSh& it) { it.link("bad.org/bad.org.conf", "bad.org.conf"); },
       "! bad.org: cannot open "},
      {"settings of the size of a disk",
       [](const AcmeSh& it) { it.write("bad.org/bad.org.conf", std::string(2'000'000, 'a')); }, "is larger than"},
      {"no certificate",
       [](const AcmeSh& it) {
         for (const char* const name : {"bad.org.cer", "fullchain.cer", "ca.cer"})
           fs::remove(it / fmt::format("bad.org/{}", name));
       },
       "there is no certificate at "},
  };
  const Issued good({"good.org"}, 1);
  const Issued other({"bad.org"}, 2);
  for (const auto& [what, breaks, why] : rows) {
    CAPTURE(what);
    const AcmeSh client;
    client.add("good.org", good);
    client.add("bad.org", other);
    breaks(client);
    Found found = client.read();
    CHECK(labels_of(found) == "good.org");
    const std::string remarks = remarks_but_the_usual(found);
    CHECK_MESSAGE(judge::contains(remarks, why), remarks);
    CHECK(found.remarks.size() == 1);
    CHECK_FALSE(judge::contains(remarks, "hunter2"));
  }
  const AcmeSh client;
  client.add("good.org", good);
  client.write("good.org/ca.cer", "");
  CHECK(lineage_of(client.read(), "good.org").chain == good.chain);
}

TEST_CASE("circles, names as long as can be and terminal escapes stop nothing") {
  const AcmeSh client;
  client.add("good.org", Issued({"good.org"}, 1));
  client.add("b\x1b[2J", Issued({"bad.org"}, 2));
  client.add_account("ca.example.net/dir", pki::testing::key_of(KeyType::ecdsa_p256, 9), {});
  client.write("ca/\x1b[2J/account.key", "");
  client.link("ca/loop", "loop");
  client.link("ca/ca.example.net/again", ".");
  client.link("loop.org", "loop.org");
  client.link("dangling.org", "none");
  client.link("self.org", ".");
  client.make_folder(std::string(255, 'a'));
  client.write("file.org", "");
  Found found = client.read();
  CHECK(labels_of(found) == "b\\x1b[2J, good.org");
  CHECK(found.accounts.at(found.lineages.back().account.value()).label == "ca/ca.example.net/dir");
  const std::string remarks = remarks_but_the_usual(found);
  CHECK(found.remarks.size() == 1);
  CHECK_MESSAGE(remarks.starts_with("! ca/\\x1b[2J: "), remarks);
}

TEST_CASE("what is no directory of acme.sh's is refused with advice") {
  const Tree tree;
  tree.make_folder("account.conf");
  tree.link("ca", "ca");
  const auto read = [&] { static_cast<void>(find_kind("acme.sh")->read(tree.path())); };
  CHECK(judge::fault_of(read) == base::Fault::config);
  CHECK(judge::contains(judge::message_of(read), "neither account.conf nor ca/"));
}

}  // namespace
}  // namespace everseal::importer::testing
