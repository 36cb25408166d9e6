// What `import` takes over looks as it expects: a new certbot or lego in Debian that changed it is noticed here first.
#include "system/peers.h"

#include "base/text.h"
#include "pki/certificate.h"

#include <filesystem>
#include <set>

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;
using Lines = std::set<std::string>;

// Files below a directory, and where links point.
Lines files_below(const std::string& directory) {
  Lines found;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string path = entry.path().lexically_relative(directory).string();
    if (entry.is_symlink())
      found.insert(path + " -> " + fs::read_symlink(entry.path()).string());
    else if (entry.is_regular_file())
      found.insert(path);
  }
  return found;
}

Lines lines_of(const std::string& file) {
  Lines found;
  for (std::string& line : base::split(read_text(file), '\n')) found.insert(std::move(line));
  return found;
}

Lines keys_of(const Json& object) {
  Lines found;
  for (const auto& [key, value] : object.items()) found.insert(key);
  return found;
}

void check_has(const Lines& all, const Lines& wanted) {
  for (const std::string& line : wanted) CHECK_MESSAGE(all.contains(line), line);
}

std::string first_line(const std::string& file) {
  const std::string text = read_text(file);
  return text.substr(0, text.find('\n'));
}

unsigned mode_of(const std::string& file) {
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

pki::KeyType key_type_of(const std::string& file) {
  return pki::PrivateKey::parse(base::Secret(read_text(file))).type();
}

// A chain of two that the CA knows, its key, and the names of the first.
std::string names_of_valid(const AcmeSite& acme, const std::string& chain_file, const std::string& key_file) {
  const auto chain = pki::Certificate::parse_all(base::as_bytes(read_text(chain_file)));
  REQUIRE(chain.size() == 2);
  CHECK(chain[0].public_key_info() == pki::PrivateKey::parse(base::Secret(read_text(key_file))).public_key_info());
  CHECK(acme.pebble.status(chain[0].serial()).at("Status") == "Valid");
  std::string names;
  for (const pki::GeneralName& name : chain[0].names()) names += (names.empty() ? "" : " ") + name.value.raw();
  return names;
}

// What a shell that reads the file has in the variable then, as acme.sh does it.
std::string sourced(const std::string& file, const std::string& variable) {
  return run_or_fail({"sh", "-c", ". \"$0\"; eval \"printf %s \\\"\\$$1\\\"\"", file, variable});
}

}  // namespace

TEST_CASE("certbot keeps every version, links to the newest, and how to renew it") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program, peaceful());
  const Certbot certbot(acme);
  certbot.obtain({.names = {"www.example.org", "example.org"},
                  .more = {"--deploy-hook", "echo 'a # b' $RENEWED_LINEAGE", "--post-hook", "echo one, two"}});
  certbot.obtain({.names = {"mail.example.org"},
                  .key = pki::KeyType::rsa_2048,
                  .more = {"--cert-name", "mail", "--reuse-key", "--must-staple", "--preferred-chain", "Some Root"}},
                 Certbot::Proof::webroot);
  certbot.obtain({.names = {"*.example.org"}, .key = pki::KeyType::ecdsa_p384}, Certbot::Proof::manual_dns);
  certbot.renew("www.example.org");
  const std::string& home = certbot.directory();

  CHECK(names_of_valid(acme, certbot.chain_file("www.example.org"), certbot.key_file("www.example.org")) ==
        "www.example.org example.org");
  CHECK(names_of_valid(acme, certbot.chain_file("example.org"), certbot.key_file("example.org")) == "*.example.org");
  names_of_valid(acme, home + "/archive/www.example.org/fullchain1.pem",
                 home + "/archive/www.example.org/privkey1.pem");
  check_has(files_below(home), {"archive/www.example.org/cert1.pem", "archive/www.example.org/chain1.pem",
                                "archive/www.example.org/cert2.pem", "archive/www.example.org/chain2.pem",
                                "archive/www.example.org/fullchain2.pem", "archive/www.example.org/privkey2.pem",
                                "live/www.example.org/cert.pem -> ../../archive/www.example.org/cert2.pem",
                                "live/www.example.org/chain.pem -> ../../archive/www.example.org/chain2.pem",
                                "live/www.example.org/fullchain.pem -> ../../archive/www.example.org/fullchain2.pem",
                                "live/www.example.org/privkey.pem -> ../../archive/www.example.org/privkey2.pem",
                                "live/mail/cert.pem -> ../../archive/mail/cert1.pem", "live/README", "live/mail/README",
                                "renewal/www.example.org.conf", "renewal/mail.conf", "renewal/example.org.conf"});
  for (const char* const hooks : {"pre", "deploy", "post"}) CHECK(fs::is_empty(home + "/renewal-hooks/" + hooks));
  for (const char* const lineage : {"www.example.org", "mail"}) {
    CHECK(first_line(certbot.key_file(lineage)) == "-----BEGIN PRIVATE KEY-----");
    CHECK(mode_of(certbot.key_file(lineage)) == 0600);
  }
  CHECK(key_type_of(certbot.key_file("mail")) == pki::KeyType::rsa_2048);
  CHECK(key_type_of(certbot.key_file("example.org")) == pki::KeyType::ecdsa_p384);

  const std::string account = certbot.account_directory();
  const std::string server = "server = " + acme.pebble.directory_url();
  const std::string id = "account = " + fs::path(account).filename().string();
  check_has(
      lines_of(home + "/renewal/www.example.org.conf"),
      {"# renew_before_expiry = 30 days", "archive_dir = " + home + "/archive/www.example.org",
       "cert = " + home + "/live/www.example.org/cert.pem", "privkey = " + home + "/live/www.example.org/privkey.pem",
       "chain = " + home + "/live/www.example.org/chain.pem",
       "fullchain = " + home + "/live/www.example.org/fullchain.pem", "[renewalparams]", id, server,
       "authenticator = standalone", fmt::format("http01_port = {}", acme.pebble.http_port()),
       "http01_address = 127.0.0.1", "key_type = ecdsa", R"(renew_hook = "echo 'a # b' $RENEWED_LINEAGE")",
       R"(post_hook = "echo one, two")"});
  check_has(lines_of(home + "/renewal/mail.conf"),
            {id, server, "authenticator = webroot", "webroot_path = " + certbot.webroot() + ",", "[[webroot_map]]",
             "mail.example.org = " + certbot.webroot(), "key_type = rsa", "rsa_key_size = 2048", "reuse_key = True",
             "must_staple = True", "preferred_chain = Some Root"});
  check_has(lines_of(home + "/renewal/example.org.conf"),
            {id, server, "authenticator = manual", "pref_challs = dns-01,", "key_type = ecdsa",
             "elliptic_curve = secp384r1", "manual_auth_hook = " + acme.site / "certbot-set-txt",
             "manual_cleanup_hook = " + acme.site / "certbot-clear-txt"});

  CHECK(files_below(account) == Lines{"meta.json", "private_key.json", "regr.json"});
  CHECK(mode_of(account + "/private_key.json") == 0400);
  const Json key = Json::parse(read_text(account + "/private_key.json"));
  CHECK(keys_of(key) == Lines{"d", "dp", "dq", "e", "kty", "n", "p", "q", "qi"});
  CHECK(key.at("kty") == "RSA");
  CHECK(keys_of(Json::parse(read_text(account + "/meta.json"))) == Lines{"creation_dt", "creation_host"});
  const Json registration = Json::parse(read_text(account + "/regr.json"));
  CHECK(registration == Json{{"body", Json::object()}, {"uri", certbot.account_url()}});
  CHECK(certbot.account_url().starts_with("https://127.0.0.1:"));
}

TEST_CASE("lego keeps the newest version and the account, and not how it got either") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program, peaceful());
  const Lego lego(acme);
  const PeerRequest www{.names = {"www.example.org", "example.org"}};
  lego.obtain(www);
  lego.obtain({.names = {"*.example.org"}, .key = pki::KeyType::rsa_2048, .more = {"--pem"}});
  const std::string before = read_text(lego.chain_file("www.example.org"));
  lego.renew(www);

  CHECK(read_text(lego.chain_file("www.example.org")) != before);
  CHECK(names_of_valid(acme, lego.chain_file("www.example.org"), lego.key_file("www.example.org")) ==
        "www.example.org example.org");
  CHECK(names_of_valid(acme, lego.chain_file("*.example.org"), lego.key_file("*.example.org")) == "*.example.org");
  const std::string account = fs::relative(lego.account_directory(), lego.directory()).string();
  CHECK(files_below(lego.directory()) ==
        Lines{"certificates/_.example.org.crt", "certificates/_.example.org.issuer.crt",
              "certificates/_.example.org.json", "certificates/_.example.org.key", "certificates/_.example.org.pem",
              "certificates/www.example.org.crt", "certificates/www.example.org.issuer.crt",
              "certificates/www.example.org.json", "certificates/www.example.org.key", account + "/account.json",
              account + "/keys/admin@example.org.key"});
  CHECK(first_line(lego.key_file("www.example.org")) == "-----BEGIN EC PRIVATE KEY-----");
  CHECK(first_line(lego.key_file("*.example.org")) == "-----BEGIN RSA PRIVATE KEY-----");
  CHECK(first_line(lego.account_directory() + "/keys/admin@example.org.key") == "-----BEGIN EC PRIVATE KEY-----");
  CHECK(mode_of(lego.key_file("www.example.org")) == 0600);

  const Json resource = Json::parse(read_text(lego.file("*.example.org", ".json")));
  CHECK(keys_of(resource) == Lines{"certStableUrl", "certUrl", "domain"});
  CHECK(resource.at("domain") == "*.example.org");
  const Json kept = Json::parse(read_text(lego.account_directory() + "/account.json"));
  CHECK(keys_of(kept) == Lines{"email", "registration"});
  CHECK(kept.at("email") == "admin@example.org");
  CHECK(keys_of(kept.at("registration")) == Lines{"body", "uri"});
  CHECK(kept.at("registration").at("body").at("status") == "valid");
  // Neither the directory nor the challenge nor a hook is anywhere.
  for (const std::string& file : files_below(lego.directory()))
    CHECK_FALSE(contains(read_text(lego.directory() + "/" + file), acme.pebble.directory_url()));
}

TEST_CASE("acme.sh's files are read by a shell, and their account and certificates exist") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program, peaceful());
  const AcmeSh acme_sh(acme);
  acme_sh.save("SAVED_CF_Token", "secret");
  acme_sh.obtain({.names = {"www.example.org", "example.org"},
                  .lines = {{"Le_ReloadCmd", "echo 'it''s' done"}, {"Le_RealKeyPath", "/etc/tls/key.pem"}}});
  acme_sh.obtain({.names = {"www.example.org"}, .key = pki::KeyType::rsa_2048, .webroot = "/var/www"});

  const std::string conf = acme_sh.directory() + "/www.example.org_ecc/www.example.org.conf";
  const std::map<std::string, std::string> wanted{{"Le_Domain", "www.example.org"},
                                                  {"Le_Alt", "example.org"},
                                                  {"Le_Webroot", "no"},
                                                  {"Le_Keylength", "ec-256"},
                                                  {"Le_PreHook", ""},
                                                  {"Le_API", acme.pebble.directory_url()},
                                                  {"Le_RealKeyPath", "/etc/tls/key.pem"}};
  for (const auto& [name, value] : wanted) CHECK_MESSAGE(sourced(conf, name) == value, name);
  const std::string reload = sourced(conf, "Le_ReloadCmd");
  CHECK(reload == "__ACME_BASE64__START_" + base::base64(base::as_bytes("echo 'it''s' done")) + "__ACME_BASE64__END_");
  CHECK(sourced(acme_sh.directory() + "/account.conf", "SAVED_CF_Token") == "secret");
  const std::string rsa = acme_sh.directory() + "/www.example.org/www.example.org.conf";
  CHECK(sourced(rsa, "Le_Alt") == "no");
  CHECK(sourced(rsa, "Le_Keylength") == "2048");

  CHECK(names_of_valid(acme, acme_sh.chain_file("www.example.org_ecc"), acme_sh.key_file("www.example.org_ecc")) ==
        "www.example.org example.org");
  CHECK(names_of_valid(acme, acme_sh.chain_file("www.example.org"), acme_sh.key_file("www.example.org")) ==
        "www.example.org");
  CHECK(first_line(acme_sh.key_file("www.example.org")) == "-----BEGIN RSA PRIVATE KEY-----");
  CHECK(mode_of(acme_sh.account_directory() + "/account.key") == 0600);
  // Whoever comes with the key is known.
  const Lego other(acme, "other");
  fs::create_directories(other.account_directory() + "/keys");
  fs::copy_file(acme_sh.account_directory() + "/account.key",
                other.account_directory() + "/keys/admin@example.org.key");
  other.obtain({.names = {"other.example.org"}});
  CHECK(other.account_url() == sourced(acme_sh.account_directory() + "/ca.conf", "ACCOUNT_URL"));
}

TEST_CASE("Debian's certbot renews by a timer and, without systemd, by cron; its lego leaves that to its user") {
  const std::string certbot = run_or_fail({"dpkg-query", "--listfiles", "certbot"});
  CHECK(contains(certbot, "/systemd/system/certbot.timer\n"));
  CHECK(contains(certbot, "\n/etc/cron.d/certbot\n"));
  CHECK(contains(read_text("/etc/cron.d/certbot"), " -d /run/systemd/system "));
  CHECK(contains(read_text("/usr/lib/systemd/system/certbot.service"), "\nExecStart=/usr/bin/certbot -q renew"));
  const std::string lego = run_or_fail({"dpkg-query", "--listfiles", "lego"});
  CHECK_FALSE(contains(lego, ".timer\n"));
  CHECK_FALSE(contains(lego, "/etc/cron"));
}
