// Everything that a client does with an ACME CA, with Pebble as it comes: strict, rejecting nonces, shuffling,
// asynchronous.
#include "pki/certificate.h"
#include "pki/key.h"
#include "system/acme_site.h"
#include "system/curl.h"

#include <filesystem>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::system;

namespace {

pki::Certificate live(const Site& site, const std::string& name) {
  return pki::Certificate::parse_all(base::as_bytes(read_text(site.state() + "/live/" + name + "/cert.pem"))).front();
}

std::string names_of(const pki::Certificate& certificate) {
  std::string text;
  for (const pki::GeneralName& name : certificate.names()) text += (text.empty() ? "" : " ") + name.value.raw();
  return text;
}

void keeps_to(const std::string& schema, const Json& document, const Site& site) {
  write_text(site / "document.json", document.dump());
  run_or_fail({"python3", "-W", "ignore", "-m", "jsonschema", "-i", site / "document.json",
               fmt::format("{}/schema/output/{}.schema.json", EVERSEAL_SOURCE_DIR, schema)});
}

}  // namespace

TEST_CASE("names and addresses are proved by http-01 and by tls-alpn-01, stand-alone") {
  const auto program = pebble_or_skip(PebbleNeed::newest);
  if (!program) return;
  const AcmeSite acme(*program);
  const Site& site = acme.site;
  require_status(
      site.everseal({"issue", "--issuer", "pebble", "-d", "www.example.org", "-d", "example.org", "-d", "127.0.0.1"}),
      0);
  CHECK(names_of(live(site, "www.example.org")) == "www.example.org example.org 127.0.0.1");
  acme.configure("challenge = \"tls-alpn-01\"");
  require_status(
      site.everseal({"issue", "--issuer", "pebble", "-d", "tls.example.org", "-d", "127.0.0.1", "--as", "tls"}), 0);
  CHECK(acme.pebble.orders_placed() == 2);
  // The first of the CA's directory serves both.
  CHECK(acme.pebble.count_in_log("GET /dir ") == 1);
  CHECK(acme.pebble.count_in_log("POST /sign-me-up") <= 3);
  const Json shown = site.json({"show", "tls"});
  keeps_to("show", shown, site);
  keeps_to("account", site.json({"account", "show", "pebble"}), site);
  keeps_to("plan", site.json({"renew", "--force", "--dry-run"}), site);
  CHECK(shown.at("versions").at(0).at("order").at("status") == "valid");
}

TEST_CASE("a web server's own directory answers http-01, and keeps nothing of it") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program, {.authorization_reuse_percent = 0});
  const std::string webroot = acme.site / "webroot";
  std::filesystem::create_directory(webroot);
  Daemon server({"python3", "-m", "http.server", std::to_string(acme.pebble.http_port()), "--bind", "127.0.0.1",
                 "--directory", webroot});
  server.wait_for_port(acme.pebble.http_port());
  acme.configure(fmt::format("webroot = \"{}\"", webroot));
  require_status(acme.site.everseal({"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "www"}), 0);
  CHECK(std::filesystem::is_empty(webroot + "/.well-known/acme-challenge"));
  // Whoever may write there leads nobody anywhere else.
  std::filesystem::remove_all(webroot + "/.well-known");
  std::filesystem::create_directory(acme.site / "elsewhere");
  std::filesystem::create_directory_symlink(acme.site / "elsewhere", webroot + "/.well-known");
  require_status(acme.site.everseal({"renew", "www", "--force"}), 1);
  CHECK(std::filesystem::is_empty(acme.site / "elsewhere"));
}

TEST_CASE("a CA that wants an external account gets its binding, and nothing without") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const std::string key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
  const AcmeSite acme(*program, {.external_accounts = {{"kid-1", key}}});
  const Words issue{"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "www"};
  const base::Exit refused = acme.site.everseal(issue);
  require_status(refused, 1);
  CHECK(contains(refused.output, "external account binding"));
  write_text(acme.site / "eab.key", key + "\n", 0600);
  acme.configure(fmt::format("eab_key_id = \"kid-1\"\neab_key_file = \"{}\"", acme.site / "eab.key"));
  require_status(acme.site.everseal(issue), 0);
}

TEST_CASE("an account is shown, updated, given another key, ended and made anew") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program);
  const Site& site = acme.site;
  acme.configure("contact = \"mailto:ops@example.org\"");
  const Json made = site.json({"account", "register", "pebble"});
  CHECK(made.at("status") == "valid");
  CHECK(made.at("contact") == Json::array({"mailto:ops@example.org"}));
  CHECK(site.json({"account", "register", "pebble"}).at("url") == made.at("url"));
  acme.configure("contact = [\"mailto:a@example.org\", \"mailto:b@example.org\"]");
  CHECK(site.json({"account", "update", "pebble"}).at("contact").size() == 2);
  const std::string key_file = made.at("folder").get<std::string>() + "/key.pem";
  const std::string before = read_text(key_file);
  CHECK(site.json({"account", "rotate-key", "pebble"}).at("url") == made.at("url"));
  CHECK(read_text(key_file) != before);
  require_status(site.everseal({"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "www"}), 0);
  CHECK(site.json({"account", "deactivate", "pebble"}).at("status") == "deactivated");
  const base::Exit refused = site.everseal({"renew", "www", "--force"});
  require_status(refused, 1);
  CHECK(contains(refused.output, "deactivated"));
  CHECK(site.json({"account", "register", "pebble"}).at("url") != made.at("url"));
  require_status(site.everseal({"renew", "www", "--force"}), 0);
}

TEST_CASE("a key change that was cut off is settled by what the CA took") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program);
  const Site& site = acme.site;
  const std::string folder = site.json({"account", "register", "pebble"}).at("folder");
  namespace fs = std::filesystem;
  fs::copy_file(folder + "/key.pem", site / "old.pem");
  site.json({"account", "rotate-key", "pebble"});
  // As after a kill behind the CA's answer.
  fs::rename(folder + "/key.pem", folder + "/next-key.pem");
  fs::copy_file(site / "old.pem", folder + "/key.pem");
  require_status(site.everseal({"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "www"}), 0);
  CHECK_FALSE(fs::exists(folder + "/next-key.pem"));
  // As after a kill before the request.
  require_status(run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                      folder + "/next-key.pem"}),
                 0);
  fs::permissions(folder + "/next-key.pem", fs::perms::owner_read | fs::perms::owner_write);
  require_status(site.everseal({"renew", "www", "--force"}), 0);
}

TEST_CASE("certificates are revoked by the account, and by their own key where the account is gone") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program);
  const Site& site = acme.site;
  require_status(site.everseal({"issue", "--issuer", "pebble", "-d", "a.example.org", "--as", "a"}), 0);
  require_status(site.everseal({"issue", "--issuer", "pebble", "-d", "b.example.org", "--as", "b"}), 0);
  const std::string a = site.live_serial("a"), b = site.live_serial("b");
  require_status(site.everseal({"revoke", "a", "--reason", "keyCompromise"}), 0);
  CHECK(acme.pebble.status(a).at("Status") == "Revoked");
  CHECK(acme.pebble.status(a).at("Reason") == 1);
  CHECK(site.live_serial("a") != a);  // another one took its place
  site.json({"account", "deactivate", "pebble"});
  const base::Exit revoked = site.everseal({"revoke", "b"});
  CHECK(acme.pebble.status(b).at("Status") == "Revoked");
  CHECK(contains(revoked.output, "is revoked"));
}

TEST_CASE("profiles, chains and requests of one's own are those that were asked for") {
  const auto program = pebble_or_skip(PebbleNeed::newest);
  if (!program) return;
  const AcmeSite acme(*program, {.profiles = {{"short", {.description = "six days", .validity = std::chrono::days(6)}},
                                              {"long", {.description = "ninety", .validity = std::chrono::days(90)}}},
                                 .alternate_roots = 2});
  const Site& site = acme.site;
  for (const auto& [profile, days] : {std::pair("short", 6), std::pair("long", 90)}) {
    require_status(
        site.everseal({"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", profile, "--profile", profile}),
        0);
    const pki::Certificate made = live(site, profile);
    CHECK(std::chrono::round<std::chrono::days>(made.not_after() - made.not_before()).count() == days);
  }
  const std::size_t orders = acme.pebble.orders_placed();
  const base::Exit unknown = site.everseal(
      {"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "other", "--profile", "other", "--once"});
  require_status(unknown, 1);
  CHECK(contains(unknown.output, "it offers long, short"));
  CHECK(acme.pebble.orders_placed() == orders);

  for (const int number : {0, 1, 2}) {
    const auto root = pki::Certificate::parse_all(base::as_bytes(acme.pebble.root(number))).front();
    const std::string name = *root.subject_name().first("CN");
    acme.configure(fmt::format("preferred_chain = \"{}\"", name));
    require_status(
        site.everseal({"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", fmt::format("chain{}", number)}),
        0);
    const auto chain = pki::Certificate::parse_all(
        base::as_bytes(read_text(fmt::format("{}/live/chain{}/fullchain.pem", site.state(), number))));
    CHECK(chain.back().issuer_der() == root.subject_der());
  }

  run_or_fail({"openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", site / "device.key", "-out",
               site / "device.csr", "-subj", "/", "-addext", "subjectAltName=DNS:device.example.org"});
  require_status(site.everseal({"issue", "--issuer", "pebble", "--csr", site / "device.csr", "--as", "device"}), 0);
  const auto key = pki::PrivateKey::parse(base::Secret(read_text(site / "device.key")));
  CHECK(live(site, "device").public_key_info() == key.public_key_info());
  CHECK_FALSE(std::filesystem::exists(site.state() + "/live/device/privkey.pem"));
}

TEST_CASE("the CA's renewal information moves a renewal, and the order says what it replaces") {
  const auto program = pebble_or_skip(PebbleNeed::newest);
  if (!program) return;
  struct Row {
    const char* about;
    const char* answer;
    bool renewed;
  };
  const auto window = [](const char* start, const char* end) {
    return fmt::format(R"({{"suggestedWindow":{{"start":"{}","end":"{}"}},"explanationURL":"https://ca.example/why"}})",
                       start, end);
  };
  const std::string past = window("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
  const std::string future = window("2099-01-01T00:00:00Z", "2099-01-02T00:00:00Z");
  const std::string backwards = window("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z");
  const Row rows[] = {{"past", past.c_str(), true},
                      {"future", future.c_str(), false},
                      {"malformed", "<html>", false},
                      {"end before start", backwards.c_str(), false}};
  const AcmeSite acme(*program);
  const Site& site = acme.site;
  for (const Row& row : rows) {
    CAPTURE(row.about);
    const Words issue{"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "www"};
    require_status(site.everseal(issue), 0);
    const std::string before = site.live_serial("www");
    acme.pebble.set_renewal_info(read_text(site.state() + "/live/www/cert.pem"), row.answer);
    run_or_fail({"python3", "-c",
                 "import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute('update renewal_info set ask_again=0');"
                 "d.execute('update subject set look_again=0'); d.commit()",
                 site.state() + "/everseal.db"});
    const std::size_t orders = acme.pebble.orders_placed();
    require_status(site.everseal({"renew"}), 0);
    CHECK((site.live_serial("www") != before) == row.renewed);
    CHECK(acme.pebble.orders_placed() == orders + (row.renewed ? 1 : 0));
    // Asked again only when the CA said so.
    const std::size_t asked = acme.pebble.count_in_log("renewalInfo/");
    require_status(site.everseal({"renew"}), 0);
    CHECK(acme.pebble.count_in_log("renewalInfo/") == asked);
    require_status(site.everseal({"remove", "www"}), 0);
  }
  CHECK(acme.pebble.count_in_log("is a replacement of") >= 1);
}

TEST_CASE("a dry run tries the staging directory, and leaves no version") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program);
  acme.configure(fmt::format("staging = \"{}\"", acme.pebble.directory_url()),
                 "[certificate.www]\nissuer = [\"pebble\"]\nidentifiers = [\"www.example.org\"]\n");
  const base::Exit tried = acme.site.everseal({"renew", "--dry-run"});
  require_status(tried, 0);
  CHECK(contains(tried.output, "rehearsed at pebble: the staging CA issued serial"));
  CHECK(acme.site.count_versions("www") == 0);
  acme.configure("", "[certificate.www]\nissuer = [\"pebble\"]\nidentifiers = [\"www.example.org\"]\n");
  const std::size_t orders = acme.pebble.orders_placed();
  require_status(acme.site.everseal({"renew", "--dry-run"}), 0);
  CHECK(acme.pebble.orders_placed() == orders);
}

TEST_CASE("a clock that is not the CA's orders nothing") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program);
  for (const char* const skew : {"+10m", "-10m"}) {
    Words words{"faketime", "--exclude-monotonic", "-f", skew};
    const Words issue = acme.site.command({"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "www"});
    words.insert(words.end(), issue.begin(), issue.end());
    const base::Exit refused = run(words);
    require_status(refused, 1);
    CHECK_MESSAGE(contains(refused.errors + refused.output, "clock"), transcript(refused));
  }
  CHECK(acme.pebble.orders_placed() == 0);
}

TEST_CASE("three hundred certificates come in one run, and the one that the CA refuses fails alone") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program,
                      {.validation = PebbleOptions::Validation::always_valid, .blocklist = {"blocked.example"}});
  std::string tables = "[certificate.bad]\nissuer = [\"pebble\"]\nidentifiers = [\"www.blocked.example\"]\n";
  constexpr int kCertificates = 300;
  for (int i = 0; i < kCertificates; ++i)
    tables += fmt::format(
        "[certificate.host{0}]\nissuer = [\"pebble\"]\nidentifiers = [\"a{0}.example.org\", \"b{0}.example.org\", "
        "\"c{0}.example.org\", \"d{0}.example.org\", \"e{0}.example.org\"]\n",
        i);
  acme.site.configure("workers = 4\n" + acme.issuer() + tables);
  const base::Exit renewed = acme.site.everseal({"-q", "renew"});
  require_status(renewed, 4);
  CHECK(contains(renewed.output, "certificate/bad pebble: not issued"));
  CHECK(acme.pebble.orders_placed() == kCertificates);
  CHECK(acme.site.count_leaves() == kCertificates);
  CHECK(acme.pebble.count_in_log("GET /dir ") == 1);
}
