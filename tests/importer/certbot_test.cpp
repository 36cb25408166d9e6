// What certbot leaves, as the system tests see it made by the real one, and what people and crashes make of it.
#include "importer/certbot.h"

#include <sys/stat.h>

namespace everseal::importer::testing {
namespace {

using Certbot = CertbotTree;

TEST_CASE("certbot's accounts and lineages are read") {
  const Certbot certbot;
  const auto& rsa = pki::testing::key_of(KeyType::rsa_2048, 7);
  const auto& ec = pki::testing::key_of(KeyType::ecdsa_p384, 8);
  certbot.add_account(fmt::format("ca.example.net:14000/dir/{}", kCertbotAccount), rsa,
                      R"({"body": {}, "uri": "https://ca.example.net:14000/my-account/1"})");
  certbot.add_account("ca.example.net:14000/dir/0123", ec,
                      R"({"body": {"contact": ["mailto:ops@example.org"]}, "uri": "https://ca.example.net:14000/2"})");
  certbot.add_account(fmt::format("acme-v01.api.letsencrypt.org/directory/{}", kCertbotAccount), ec, "{}");
  certbot.link("accounts/acme-v02.api.letsencrypt.org/directory", "../acme-v01.api.letsencrypt.org/directory");
  const Issued www({"www.example.org", "example.org"}, 1, KeyType::rsa_2048);
  const Issued wild({"*.example.org", "example.org"}, 2, KeyType::ecdsa_p384);
  const Issued old({"old.example.org"}, 3, KeyType::ecdsa_p256, Age::expired);
  certbot.add("www.example.org", www);
  certbot.add("example.org", wild, "authenticator = standalone\npreferred_profile = shortlived\n");
  certbot.add_conf("old.example.org", "authenticator = standalone\npreferred_chain = Some Root\n");
  certbot.add_files("old.example.org", old);

  const Found found = certbot.read();
  CHECK_MESSAGE(found.remarks.empty(), remarks_of(found));
  REQUIRE(found.accounts.size() == 4);
  const auto account_at = [&](const std::string& label, const std::string& directory) -> const Account& {
    const auto account = std::ranges::find_if(
        found.accounts, [&](const Account& one) { return one.label == label && one.server.directory == directory; });
    REQUIRE(account != found.accounts.end());
    return *account;
  };
  const Account& used = account_at(kCertbotAccount, kCertbotServer);
  CHECK(used.server.authority == "ca.example.net:14000");
  CHECK(used.url == "https://ca.example.net:14000/my-account/1");
  CHECK(used.contact.empty());
  CHECK(used.key.public_key_info() == rsa.public_key_info());
  CHECK(account_at("0123", kCertbotServer).contact == std::vector<std::string>{"mailto:ops@example.org"});
  CHECK(account_at("0123", kCertbotServer).key.public_key_info() == ec.public_key_info());
  const Account& linked = account_at(kCertbotAccount, "https://acme-v02.api.letsencrypt.org/directory");

  CHECK(labels_of(found) == "example.org, old.example.org, www.example.org");
  const Lineage& first = lineage_of(found, "www.example.org");
  CHECK(&found.accounts.at(first.account.value()) == &used);
  CHECK(first.server == Server{kCertbotServer, "ca.example.net:14000"});
  CHECK(first.chain == www.chain);
  CHECK(first.key.value().public_key_info() == www.key.public_key_info());
  CHECK(challenges_of(first) == "http-01 example.org www.example.org");
  CHECK(lineage_of(found, "example.org").key.value().type() == KeyType::ecdsa_p384);
  CHECK(lineage_of(found, "example.org").profile == "shortlived");
  // Where the server is not named, certbot's own is meant; what has expired can be renewed.
  const Lineage& last = lineage_of(found, "old.example.org");
  CHECK(last.server.directory == "https://acme-v02.api.letsencrypt.org/directory");
  CHECK(&found.accounts.at(last.account.value()) == &linked);
  CHECK(last.chain == old.chain);
  CHECK(last.preferred_chain == "Some Root");
}

TEST_CASE("how certbot proved names becomes a challenge, or a remark that says what to do") {
  const Tree secrets;
  const std::string cloudflare = secrets.write("cloudflare.ini", "dns_cloudflare_api_token = 'hunter2' # of ops\n");
  const std::string global =
      secrets.write("global.ini", "dns_cloudflare_email = a@b\ndns_cloudflare_api_key = hunter2\n");
  const std::string broken = secrets.write("broken.ini", "dns_cloudflare_api_token\nhunter2\n");
  const std::string rfc2136 = secrets.write("rfc2136.ini",
                                            "dns_rfc2136_server = 192.0.2.1\ndns_rfc2136_port = 5353\n"
                                            "dns_rfc2136_name = keyname.\ndns_rfc2136_secret = \"aGVsbG8=\"\n"
                                            "dns_rfc2136_algorithm = HMAC-SHA512\n");
  const struct {
    std::string parameters;
    std::string challenges;
    std::string remark;  // none where empty
  } rows[] = {
      {"authenticator = standalone\n", "http-01 example.org www.example.org", {}},
      {"authenticator = standalone\nhttp01_port = 80\nhttp01_address = None\n",
       "http-01 example.org www.example.org",
       {}},
      {"authenticator = standalone\nhttp01_port = 5002\nhttp01_address = 127.0.0.1\n",
       "http-01 example.org www.example.org port=5002 address=127.0.0.1",
       {}},
      {"authenticator = standalone\nhttp01_port = 70000\n", "http-01 example.org www.example.org", {}},
      {"authenticator = webroot\nwebroot_path = /srv/www,\n[[webroot_map]]\nWWW.example.org = /srv/www\n"
       "example.org = /srv/a b\n",
       "http-01 example.org webroot=/srv/a b | http-01 www.example.org webroot=/srv/www",
       {}},
      {"authenticator = webroot\nwebroot_path = /srv/a, /srv/b\n",
       "http-01 example.org www.example.org webroot=/srv/b",
       {}},
      // The map knows a name that the certificate has no more, and does not know another.
      {"authenticator = webroot\nwebroot_path = /srv/b\n[[webroot_map]]\nold.example.org = /srv/old\n"
       "example.org = /srv/a\n",
       "http-01 example.org webroot=/srv/a | http-01 www.example.org webroot=/srv/b",
       {}},
      {"authenticator = webroot\n[[webroot_map]]\nold.example.org = /srv/old\nexample.org = /srv/a\n",
       "http-01 example.org webroot=/srv/a",
       {}},
      {"authenticator = dns-cloudflare\ndns_cloudflare_credentials = " + cloudflare,
       "dns-01 example.org www.example.org provider=cloudflare token_file:\"hunter2\"",
       {}},
      {"authenticator = certbot-dns-x:dns-cloudflare\ndns_cloudflare_credentials = " + cloudflare,
       "dns-01 example.org www.example.org provider=cloudflare token_file:\"hunter2\"",
       {}},
      {"authenticator = dns-rfc2136\ndns_rfc2136_credentials = " + rfc2136,
       {"dns-01 example.org www.example.org provider=rfc2136 server=192.0.2.1:5353 tsig_key_file:\"key \"keyname.\" {\n"
        "  algorithm hmac-sha512;\n  secret \"aGVsbG8=\";\n};\n\""},
       {}},
      {"authenticator = manual\npref_challs = dns-01,\nmanual_auth_hook = /usr/bin/set\n",
       "dns-01 example.org www.example.org provider=exec format=certbot command=[/usr/bin/set]",
       {}},
      {"authenticator = manual\npref_challs = dns-01, http-01\nmanual_auth_hook = /usr/bin/set\n"
       "manual_cleanup_hook = /usr/bin/unset\n",
       "dns-01 example.org www.example.org provider=exec format=certbot command=[/usr/bin/set] "
       "cleanup_command=[/usr/bin/unset]",
       {}},

      {"authenticator = nginx\ninstaller = nginx\n",
       {},
       "`nginx`, which has no counterpart (a [challenge.NAME] for zones"},
      {"", {}, "certbot's ``"},
      {"authenticator = dns-cloudflare\ndns_cloudflare_credentials = " + global,
       {},
       global + ": it does not translate"},
      {"authenticator = dns-cloudflare\ndns_cloudflare_credentials = " + broken, {}, "line 1 is no option"},
      {"authenticator = dns-cloudflare\ndns_cloudflare_credentials = /none/x\n", {}, "cannot open /none/x"},
      {"authenticator = dns-cloudflare\ndns_cloudflare_credentials = -\n", {}, "with -: it does not translate"},
      {"authenticator = dns-cloudflare\n", {}, "plugin dns-cloudflare: it does not translate"},
      {"authenticator = dns-route53\n", {}, "zones = [\"www.example.org\", \"example.org\"]"},
      {"authenticator = manual\npref_challs = dns-01,\nmanual_auth_hook = /usr/bin/set $X\n", {}, "`/usr/bin/set $X`"},
      {"authenticator = manual\npref_challs = dns-01,\nmanual_auth_hook = '''/usr/bin/set\nid'''\n",
       {},
       "`/usr/bin/set\\nid`"},
      {"authenticator = manual\npref_challs = dns-01,\nmanual_auth_hook = set\n", {}, "`set`"},
      {"authenticator = manual\npref_challs = dns-01,\nmanual_auth_hook = /a\nmanual_cleanup_hook = b c\n", {}, "`/a`"},
      {"authenticator = manual\npref_challs = http-01,\nmanual_auth_hook = /usr/bin/set\n", {}, "`/usr/bin/set`"},
      {"authenticator = manual\npref_challs = http-01, dns-01\nmanual_auth_hook = /usr/bin/set\n",
       {},
       "`/usr/bin/set`"},
      {"authenticator = manual\nmanual_auth_hook = /usr/bin/set\n", {}, "`/usr/bin/set`"},
      {"authenticator = manual\nmanual_auth_hook = None\n", {}, "`manual`"},
  };
  const Issued issued({"www.example.org", "example.org"});
  for (const auto& [parameters, challenges, remark] : rows) {
    CAPTURE(parameters);
    const Certbot certbot;
    certbot.add("www.example.org", issued, parameters);
    const Found found = certbot.read();
    CHECK(challenges_of(lineage_of(found, "www.example.org")) == challenges);
    const std::string remarks = remarks_of(found);
    CHECK(remarks.empty() == remark.empty());
    CHECK_MESSAGE(judge::contains(remarks, remark), remarks);
    CHECK_FALSE(judge::contains(remarks, "! "));
    CHECK_FALSE(judge::contains(remarks, "hunter2"));
    check_challenges_are_valid(found);
  }
}

TEST_CASE("a wildcard that a manual hook proved was proved by dns-01, whatever was preferred") {
  const Certbot certbot;
  certbot.add("example.org", Issued({"*.example.org"}),
              "authenticator = manual\npref_challs = http-01, dns-01\nmanual_auth_hook = /usr/bin/set\n");
  const Found found = certbot.read();
  CHECK(challenges_of(lineage_of(found, "example.org")) ==
        "dns-01 *.example.org provider=exec format=certbot command=[/usr/bin/set]");
  check_challenges_are_valid(found);
}

TEST_CASE("an address was proved as the names beside it, but by no DNS") {
  const Issued issued({"www.example.org", "192.0.2.7"});
  const std::pair<const char*, const char*> rows[] = {
      {"authenticator = standalone\n", "http-01 192.0.2.7 www.example.org"},
      {"authenticator = webroot\nwebroot_path = /srv,\n[[webroot_map]]\nwww.example.org = /srv\n192.0.2.7 = /srv\n",
       "http-01 192.0.2.7 www.example.org webroot=/srv"}};
  for (const auto& [parameters, challenges] : rows) {
    CAPTURE(parameters);
    const Certbot certbot;
    certbot.add("www.example.org", issued, parameters);
    const Found found = certbot.read();
    CHECK(challenges_of(lineage_of(found, "www.example.org")) == challenges);
    CHECK(found.remarks.empty());
    check_challenges_are_valid(found);
  }
}

TEST_CASE("a lineage whose key is of no type that is used here is read without it") {
  for (const char* const type : {"ec", "rsa:1024", "ed448"}) {
    CAPTURE(type);
    const UnusedKey unused(type, "www.example.org");
    const Certbot certbot;
    certbot.add_conf("www.example.org", "authenticator = standalone\n");
    certbot.write("live/www.example.org/privkey.pem", unused.key_pem);
    certbot.write("live/www.example.org/fullchain.pem", unused.certificate_pem);
    const Found found = certbot.read();
    const Lineage& lineage = lineage_of(found, "www.example.org");
    CHECK_FALSE(lineage.key);
    CHECK(challenges_of(lineage) == "http-01 www.example.org");
    CHECK_MESSAGE(judge::contains(remarks_of(found), "has a key that is not used here"), remarks_of(found));
    // With another key than its own it is broken, whatever its type.
    certbot.write("live/www.example.org/fullchain.pem", Issued({"www.example.org"}).chain_pem());
    CHECK(certbot.read().lineages.empty());
  }
}

TEST_CASE("what certbot did otherwise is said, from both sections, with hooks as they are") {
  const struct {
    const char *top, *parameters, *remark;
  } told[] = {
      {"", "must_staple = True\n", "must-staple extension; that is not asked for here (must_staple = True)"},
      {"", "reuse_key = True\n", "(reuse_key = True)"},
      {"", "allow_subset_of_names = true\n", "(allow_subset_of_names = true)"},
      {"", "pre_hook = \"a, b\"\n", "(pre_hook = a, b)"},
      {"", "post_hook = '''say \"it's\"'''\n", "(post_hook = say \"it's\")"},
      {"", "renew_hook = 'echo \"a # b\" $RENEWED_LINEAGE'\n", "(renew_hook = echo \"a # b\" $RENEWED_LINEAGE)"},
      {"renew_before_expiry = 30 days\n", "", "(renew_before_expiry = 30 days)"},
      {"", "autorenew = False\n", "was not renewed by itself"},
      {"", "autorenew = false\n", "was not renewed by itself"},
  };
  const Issued issued({"www.example.org"});
  for (const auto& [top, parameters, remark] : told) {
    CAPTURE(remark);
    const Certbot certbot;
    certbot.add("www.example.org", issued, fmt::format("authenticator = standalone\n{}", parameters), top);
    const Found found = certbot.read();
    CHECK(found.remarks.size() == 1);
    CHECK_MESSAGE(judge::contains(remarks_of(found), remark), remarks_of(found));
  }
  const Certbot certbot;
  certbot.add("www.example.org", issued,
              "authenticator = standalone\nmust_staple = False\nreuse_key = None\npre_hook = None\nrenew_hook =\n"
              "autorenew = True\npreferred_chain = None\nrequired_profile = None\ninstaller = None\nkey_type = ecdsa\n"
              "[acme_renewal_info]\nari_retry_after = 2026-10-07T12:26:09\n");
  const Found quiet = certbot.read();
  CHECK_MESSAGE(quiet.remarks.empty(), remarks_of(quiet));
  CHECK(lineage_of(quiet, "www.example.org").preferred_chain.empty());
  CHECK(lineage_of(quiet, "www.example.org").profile.empty());
}

TEST_CASE("options and hooks for all certificates are said, but for what Debian ships") {
  const struct {
    std::string text;
    const char* names;  // nullptr: nothing is said
  } rows[] = {
      {"# Comment\nmax-log-backups = 0\npreconfigured-renewal = True\n", nullptr},
      {"", nullptr},
      {"email = ops@example.org\nmax-log-backups = 0\n", "email"},
      // The forms of its own that certbot takes here.
      {"agree-tos\nserver: https://ca.example.net\n; a\n[section]\nkey-type ecdsa\ntext=True\n",
       "agree-tos, server, key-type, text"},
      // What it may be instead is not shown.
      {"\"quotes\n\x1b[2J = 1\n", "2 lines that certbot does not know"},
      {std::string(1'000'000, 'a'), "1 line that certbot does not know"},
      {"email = a@b\nhunter2\ndns-hunter2 = x\ndns_cloudflare-hunter2 = x\n", "email, 3 lines that certbot"},
      {"hunter2: x\nkey_type = ecdsa\ndns-cloudflare-credentials = /x\n",
       "key_type, dns-cloudflare-credentials, 1 line that"},
  };
  for (const auto& [text, names] : rows) {
    CAPTURE(text.substr(0, 60));
    const Certbot certbot;
    certbot.make_folder("renewal");
    certbot.write("cli.ini", text);
    const Found found = certbot.read();
    REQUIRE(found.remarks.size() == (names == nullptr ? 0 : 1));
    if (names == nullptr) continue;
    CHECK(found.remarks.front().subject == "cli.ini");
    CHECK_MESSAGE(judge::contains(found.remarks.front().text, std::string("not read: ") + names),
                  found.remarks.front().text);
    CHECK_FALSE(judge::contains(found.remarks.front().text, "hunter2"));
  }

  const Certbot certbot;
  for (const char* const name : {"pre/one", "deploy/two", "deploy/.hidden", "post/three"})
    certbot.write(std::string("renewal-hooks/") + name, "#!/bin/sh\n");
  certbot.make_folder("renewal");
  const std::string remarks = remarks_of(certbot.read());
  for (const char* const name : {"renewal-hooks/pre/one", "renewal-hooks/deploy/two", "renewal-hooks/post/three"})
    CHECK(judge::contains(remarks, name));
  CHECK_FALSE(judge::contains(remarks, "hidden"));
}

TEST_CASE("a lineage of certbot that is broken is told, and leaves the others") {
  const Issued good({"good.example.org"}, 1);
  const Issued other({"other.example.org"}, 2);
  const struct {
    const char* what;
    void (*breaks)(const Certbot& certbot);
    std::string why;
  } rows[] = {
      {"the private key is missing", [](const Certbot& it) { fs::remove(it / "live/bad/privkey.pem"); },
       "its key: cannot open "},
      {"the archive is gone", [](const Certbot& it) { fs::remove_all(it / "archive/bad"); }, "no such file"},
      {"the folder is a link to nothing",
       [](const Certbot& it) {
         fs::remove_all(it / "live/bad");
         it.link("live/bad", "nowhere");
       },
       "no such file"},
      {"the folder is a loop",
       [](const Certbot& it) {
         fs::remove_all(it / "live/bad");
         it.link("live/bad", "bad");
       },
       "its key: cannot open "},
      {"the key is another's",
       [](const Certbot& it) { it.link("live/bad/privkey.pem", "../../archive/good/privkey2.pem"); },
       "no certificate of the chain belongs to the private key"},
      {"the key is a certificate",
       [](const Certbot& it) { it.link("live/bad/privkey.pem", "../../archive/bad/cert2.pem"); }, "its key: "},
      {"the key is a pipe",
       [](const Certbot& it) {
         fs::remove(it / "live/bad/privkey.pem");
         REQUIRE(::mkfifo((it / "live/bad/privkey.pem").c_str(), 0600) == 0);
       },
       "is not a regular file"},
      {"the key is a device", [](const Certbot& it) { it.link("live/bad/privkey.pem", "/dev/zero"); }, "leads out of "},
      {"the key is huge", [](const Certbot& it) { it.write("live/bad/privkey.pem", std::string(2'000'000, 'a')); },
       "is larger than"},
      {"the certificates are gone",
       [](const Certbot& it) {
         for (const char* const name : {"cert", "chain", "fullchain"})
           fs::remove(it / fmt::format("live/bad/{}.pem", name));
       },
       "there is no certificate at "},
      {"a certificate is garbage", [](const Certbot& it) { it.write("archive/bad/fullchain2.pem", "\x1b[2Jgarbage"); },
       "/live/bad/fullchain.pem: no certificate found"},
      {"its file is garbage", [](const Certbot& it) { it.write("renewal/bad.conf", std::string(1000, '\xff')); },
       "line 1 is no option"},
      {"its file is huge", [](const Certbot& it) { it.write("renewal/bad.conf", std::string(2'000'000, '#')); },
       "is larger than"},
      {"its file is a folder",
       [](const Certbot& it) {
         fs::remove(it / "renewal/bad.conf");
         it.make_folder("renewal/bad.conf");
       },
       "is not a regular file"},
      {"its file is a link to nothing", [](const Certbot& it) { it.link("renewal/bad.conf", "none"); }, "cannot open "},
  };
  for (const auto& [what, breaks, why] : rows) {
    CAPTURE(what);
    const Certbot certbot;
    certbot.add("good", good);
    certbot.add("bad", other);
    breaks(certbot);
    const Found found = certbot.read();
    CHECK(labels_of(found) == "good");
    CHECK(found.remarks.size() == 1);
    const std::string remarks = remarks_of(found);
    CHECK_MESSAGE(remarks.starts_with("! bad: "), remarks);
    CHECK_MESSAGE(judge::contains(remarks, why), remarks);
  }
  // A file beside those that matter may be empty.
  const Certbot certbot;
  certbot.add("good", good);
  certbot.write("archive/good/chain2.pem", "");
  CHECK(lineage_of(certbot.read(), "good").chain == good.chain);
}

TEST_CASE("an account of certbot's that is broken is told, and leaves the others") {
  const auto& key = pki::testing::key_of(KeyType::ecdsa_p256, 9);
  const std::string text = pki::testing::jwk_of(key).dump();
  const struct {
    const char *file, *content;
    const char* why;  // nullptr: it is taken all the same, as the CA knows it by its key
  } rows[] = {
      {"regr.json", "{\"uri\": 7, \"body\": []}", nullptr},
      {"regr.json", "{\"uri\": \"https://ca.example.net/2\", \"body\": {\"contact\": \"x\"}}", nullptr},
      {"regr.json", "{\"uri\": null, \"body\": {\"contact\": [7, null, {}]}}", nullptr},
      {"regr.json", "{\"uri\"", nullptr},
      {"regr.json", "[[[", nullptr},
      {"regr.json", "", nullptr},
      {"private_key.json", "", "no JSON Web Key"},
      {"private_key.json", "{\"kty\": \"RSA\", \"n\": 7}", "no member n"},
      {"private_key.json", "{\"kty\": \"oct\", \"k\": \"hunter2\"}", "of type 'oct'"},
  };
  for (const auto& [file, content, why] : rows) {
    CAPTURE(content);
    const Certbot certbot;
    certbot.make_folder("renewal");
    for (const char* const id : {"bad", "good"}) {
      certbot.write(fmt::format("accounts/ca.example.net/dir/{}/regr.json", id), "{}");
      certbot.write(fmt::format("accounts/ca.example.net/dir/{}/private_key.json", id), text);
    }
    certbot.write(std::string("accounts/ca.example.net/dir/bad/") + file, content);
    const Found found = certbot.read();
    CHECK(found.accounts.size() == (why == nullptr ? 2 : 1));
    CHECK(found.accounts.back().label == "good");
    const std::string remarks = remarks_of(found);
    CHECK(remarks.empty() == (why == nullptr));
    if (why != nullptr) CHECK_MESSAGE(judge::contains(remarks, why), remarks);
    CHECK_FALSE(judge::contains(remarks, "hunter2"));
  }
}

TEST_CASE("links that lead round in circles, and files where folders should be, stop nothing") {
  const Certbot certbot;
  certbot.add("good", Issued({"good.example.org"}));
  certbot.add_account("ca.example.net:14000/dir/" + std::string(kCertbotAccount),
                      pki::testing::key_of(KeyType::ecdsa_p256, 9), "{}");
  certbot.link("accounts/loop", "loop");
  certbot.link("accounts/up", "..");
  certbot.link("accounts/ca.example.net:14000/again", ".");
  certbot.link("accounts/nowhere", "none");
  certbot.write("accounts/file", "");
  certbot.write("renewal-hooks/pre", "");
  certbot.link("renewal-hooks/post", "post");
  certbot.link("renewal/loop.conf", "loop.conf");
  certbot.link("cli.ini", "cli.ini");
  const Found found = certbot.read();
  CHECK(labels_of(found) == "good");
  CHECK(found.accounts.at(lineage_of(found, "good").account.value()).server.directory == kCertbotServer);
  const std::string remarks = remarks_of(found);
  CHECK(judge::contains(remarks, "! loop: "));
  CHECK(judge::contains(remarks, "! cli.ini: "));
}

TEST_CASE("names that would steer a terminal are shown as what they are") {
  const Certbot certbot;
  const std::string evil = "a\x1b[2J\x07\xff$(id)";
  certbot.add(evil, Issued({"good.example.org"}), "authenticator = \x1b[2J\nrenew_hook = \x1b[2J\n");
  certbot.write("renewal/b\x1b[2J.conf", "junk");
  certbot.write("accounts/ca.example.net/dir/c\x1b[2J/private_key.json", "{");
  certbot.write("accounts/ca.example.net/dir/\x1b[2J/private_key.json", pki::testing::jwk_of(Issued({"a"}).key).dump());
  certbot.write("renewal-hooks/deploy/\x1b[2J", "");
  const Found found = certbot.read();
  CHECK(labels_of(found) == "a\\x1b[2J\\x07\\xff$(id)");
  CHECK(found.accounts.size() == 1);
  CHECK(found.remarks.size() == 5);
}

TEST_CASE("what is no directory of certbot's is refused with advice") {
  const Tree tree;
  tree.write("file", "");
  tree.write("renewal", "");
  tree.link("loop", "loop");
  for (const char* const name : {"", "file", "none", "loop", "\x1b[2J"}) {
    CAPTURE(name);
    const auto read = [&] { static_cast<void>(find_kind("certbot")->read(tree / name)); };
    CHECK(judge::fault_of(read) == base::Fault::config);
    CHECK(judge::contains(judge::message_of(read), "neither renewal/ nor accounts/"));
    CHECK(is_printable(judge::message_of(read)));
  }
}

}  // namespace
}  // namespace everseal::importer::testing
