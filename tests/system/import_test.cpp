// Taking over what the real certbot and lego, and acme.sh's files, have at Pebble.
#include "pki/certificate.h"
#include "system/kill.h"
#include "system/peers.h"
#include "system/server.h"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

// A root directory of a host that runs nothing.
std::string quiet_host(const Site& site) {
  const std::string root = site / "host";
  fs::create_directories(root + "/etc/nginx");
  return root;
}

std::string add_file(const std::string& root, const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(root + path).parent_path());
  write_text(root + path, text);
  return root + path;
}

Words import_words(const Site& site, const std::string& client, const std::string& directory, Words more = {}) {
  Words words{"import", client, directory, "--root", quiet_host(site)};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Puts `name` where nginx reads, in the file that import wrote.
void deploy_to(const Site& site, const std::string& name, const std::string& directory, const Nginx& nginx) {
  const std::string reload = site.script("reload-" + name, nginx.reload_command());
  std::ofstream(fmt::format("{}/config/conf.d/{}.toml", site.path(), name), std::ios::app) << fmt::format(
      "\n[certificate.\"{}\".deploy.nginx]\ntype = \"files\"\ndirectory = \"{}\"\nreload = [\"{}\"]\n"
      "verify = [\"{}\"]\n",
      name, directory, reload, nginx.endpoint());
}

// A forced renewal with the account that was taken over, served by nginx.
void check_goes_on(const AcmeSite& acme, const std::string& name, const std::string& account_url) {
  const Site& site = acme.site;
  const std::string directory = site.server_directory("tls-" + name);
  const Nginx nginx(site, "nginx-" + name, directory);
  const Json before = site.json({"show", name});
  CHECK(before.at("state") == "unverified");
  CHECK(contains(before.at("why").get<std::string>(), "nothing deploys it"));
  const std::string imported = site.live_serial(name);
  deploy_to(site, name, directory, nginx);
  const std::size_t orders = acme.pebble.orders_placed();
  require_status(site.everseal({"renew", name, "--force"}), 0);
  CHECK(acme.pebble.orders_placed() == orders + 1);
  CHECK(site.live_serial(name) != imported);
  CHECK(nginx.served() == site.live_serial(name));
  CHECK(site.deployment_state(name, "nginx") == "verified");
  const Json after = site.json({"show", name});
  CHECK(after.at("state") == "live");
  CHECK(after.at("versions").back().at("order").at("account") == account_url);
}

}  // namespace

TEST_CASE("certbot's accounts and lineages go on here, with nothing of certbot's touched") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program, peaceful());
  const Site& site = acme.site;
  const Certbot certbot(acme);
  certbot.obtain({.names = {"www.example.org", "example.org"}, .more = {"--deploy-hook", "systemctl reload nginx"}});
  certbot.renew("www.example.org");
  certbot.obtain({.names = {"rsa.example.org"}, .key = pki::KeyType::rsa_2048}, Certbot::Proof::webroot);
  certbot.obtain({.names = {"*.wild.example.org", "wild.example.org"}}, Certbot::Proof::manual_dns);
  const std::string untouched = digest_of_tree(certbot.directory());
  const std::size_t orders = acme.pebble.orders_placed();

  // No issuer is there yet.
  site.configure("");
  const Words words = import_words(site, "certbot", certbot.directory(), {"--ca-file", acme.pebble.ca_file()});
  Words looking = words;
  looking.emplace_back("--dry-run");
  const base::Exit looked = site.everseal(looking);
  require_status(looked, 0);
  CHECK(contains(looked.output, "would be taken over"));
  CHECK(site.json({"list", "--all"}).at("certificates").empty());

  const base::Exit imported = site.everseal(words);
  require_status(imported, 0);
  CHECK_MESSAGE(contains(imported.output, "systemctl reload nginx"), imported.output);
  CHECK(contains(imported.output, "unverified"));
  CHECK(acme.pebble.orders_placed() == orders);
  CHECK(digest_of_tree(certbot.directory()) == untouched);
  for (const std::string name : {"www.example.org", "rsa.example.org", "wild.example.org"}) {
    CAPTURE(name);
    CHECK(site.live_serial(name) == serial_of(certbot.chain_file(name)));
    CHECK(site.count_versions(name) == 1);
    // Only looks are due.
    const auto planned = site.json({"plan", name});
    for (const auto& step : planned.at("subjects").at(0).at("steps")) {
      const std::string kind = step.at("action").at("kind");
      CHECK_MESSAGE((kind == "renewal-info" || kind == "compare"), kind);
    }
  }
  // Once, however often it is said.
  require_status(site.everseal(words), 0);
  CHECK(site.count_leaves() == 3);

  check_goes_on(acme, "www.example.org", certbot.account_url());
  require_status(site.everseal({"config", "check"}), 0);
  CHECK(digest_of_tree(certbot.directory()) == untouched);
}

TEST_CASE("lego's certificates go on at the issuer of their CA, which the config must name") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program, peaceful());
  const Site& site = acme.site;
  const Lego lego(acme);
  lego.obtain({.names = {"www.example.org", "example.org"}});
  lego.obtain({.names = {"*.wild.example.org", "wild.example.org"}, .key = pki::KeyType::rsa_2048});
  const std::string untouched = digest_of_tree(lego.directory());
  const Words words = import_words(site, "lego", lego.directory());

  site.configure("");
  const base::Exit refused = site.everseal(words);
  require_status(refused, 1);
  CHECK_MESSAGE(contains(refused.output, "write an [issuer.NAME]"), refused.output);
  CHECK(site.json({"list", "--all"}).at("certificates").empty());

  acme.configure();
  require_status(site.everseal(words), 0);
  CHECK(site.live_serial("www.example.org") == serial_of(lego.chain_file("www.example.org")));
  CHECK(site.live_serial("_.wild.example.org") == serial_of(lego.chain_file("*.wild.example.org")));
  check_goes_on(acme, "www.example.org", lego.account_url());
  CHECK(digest_of_tree(lego.directory()) == untouched);
}

TEST_CASE("acme.sh's certificates go on, and what servers still read of it is said") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program, peaceful());
  const Site& site = acme.site;
  const AcmeSh client(acme);
  const std::string installed = site / "installed.pem";
  client.obtain({.names = {"www.example.org", "example.org"},
                 .lines = {{"Le_ReloadCmd", "nginx -s reload"},
                           {"Le_RealFullChainPath", installed},
                           {"Le_HTTPPort", std::to_string(acme.pebble.http_port())}}});
  const std::string marker = site / "was-run";
  client.save("EVIL", fmt::format("$(touch {})", marker));
  const std::string untouched = digest_of_tree(client.directory());
  const std::string root = quiet_host(site);
  add_file(root, "/etc/nginx/nginx.conf",
           fmt::format("ssl_certificate {};\n# ssl_certificate {}/old;\n", installed, client.directory()));
  add_file(root, "/etc/haproxy/haproxy.cfg", fmt::format("bind :443 ssl crt {}/www.pem\n", client.directory()));
  add_file(root, "/var/spool/cron/crontabs/root",
           fmt::format("12 0 * * * \"{0}\"/acme.sh --cron --home \"{0}\" > /dev/null\n", client.directory()));

  site.configure("");
  Words words = import_words(site, "acme.sh", client.directory(), {"--ca-file", acme.pebble.ca_file()});
  const base::Exit refused = site.everseal(words);
  require_status(refused, 1);
  CHECK_MESSAGE(contains(refused.errors, "acme.sh still runs by itself"), refused.errors);
  CHECK(contains(refused.errors, "/var/spool/cron/crontabs/root:1"));
  CHECK(site.json({"list", "--all"}).at("certificates").empty());

  words.emplace_back("--keep-both");
  const Json report = site.json(words);
  write_text(site / "document.json", report.dump());
  run_or_fail({"python3", "-W", "ignore", "-m", "jsonschema", "-i", site / "document.json",
               fmt::format("{}/schema/output/import.schema.json", EVERSEAL_SOURCE_DIR)});
  CHECK(report.at("schedules").size() == 1);
  REQUIRE(report.at("references").size() == 2);
  CHECK(contains(report.at("references").at(0).at("file"), "haproxy.cfg"));
  CHECK(contains(report.at("references").at(1).at("text"), installed));
  CHECK(contains(report.at("remarks").dump(), "nginx -s reload"));
  CHECK_FALSE(fs::exists(marker));
  const std::string name = report.at("outcomes").back().at("subject").get<std::string>().substr(12);
  CHECK(name == "www.example.org_ecc");
  check_goes_on(acme, name, client.account_url());
  CHECK(digest_of_tree(client.directory()) == untouched);
}

TEST_CASE("one certificate that cannot be read leaves the others, and is told") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program, peaceful());
  const Site& site = acme.site;
  const Certbot certbot(acme);
  certbot.obtain({.names = {"good.example.org"}});
  certbot.obtain({.names = {"bad.example.org"}});
  // Its key is that of another.
  fs::remove(certbot.key_file("bad.example.org"));
  fs::copy_file(certbot.key_file("good.example.org"), certbot.key_file("bad.example.org"));
  acme.configure();
  const base::Exit imported = site.everseal(import_words(site, "certbot", certbot.directory()));
  require_status(imported, 4);
  CHECK_MESSAGE((contains(imported.output, "bad.example.org: import failed") ||
                 contains(imported.output, "bad.example.org: not taken over")),
                imported.output);
  CHECK(site.count_leaves() == 1);
  // Another account than the issuer's own gets an issuer of its own.
  const Certbot other(acme, "letsencrypt-of-another");
  other.obtain({.names = {"other.example.org"}});
  require_status(site.everseal(import_words(site, "certbot", other.directory(), {"--ca-file", acme.pebble.ca_file()})),
                 0);
  CHECK(site.json({"config", "show"}).at("issuer").size() == 2);
  require_status(site.everseal({"renew", "other.example.org", "--force"}), 0);
  CHECK(site.json({"show", "other.example.org"}).at("versions").back().at("order").at("account") ==
        other.account_url());
}

TEST_CASE("what is no directory of that client, or no client, is refused with advice") {
  const Site site(Site::Ca::none);
  require_status(site.everseal({"init"}), 0);
  struct Row {
    Words words;
    int status;
    const char* message;
  };
  const Row rows[] = {
      {{"import", "certbot", site.path()}, 2, "usually /etc/letsencrypt"},
      {{"import", "lego", site.path()}, 2, "lego's --path"},
      {{"import", "acme.sh", site.path()}, 2, "usually /root/.acme.sh"},
      {{"import", "certbot", site / "nowhere"}, 1, "No such file"},
      {{"import", "certbto", site.path()}, 2, "did you mean certbot?"},
      {{"import", "certbot"}, 2, "DIR"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const base::Exit refused = site.everseal(row.words);
    require_status(refused, row.status);
    CHECK_MESSAGE(contains(refused.errors, row.message), refused.errors);
  }
}

namespace {

// A host that imports one certificate of certbot's, put back before each kill.
class ImportArena {
 public:
  explicit ImportArena(const PebbleProgram& program) : acme(program, peaceful()), certbot(acme) {
    certbot.obtain({.names = {"www.example.org"}});
    site.configure("");
    saved_.emplace(site, Words{"state", "config"});
    words = import_words(site, "certbot", certbot.directory(), {"--ca-file", acme.pebble.ca_file()});
    orders_ = acme.pebble.orders_placed();
  }

  void put_back() const { saved_->put_back(); }

  std::vector<std::string> kill_at(const Call& call) {
    put_back();
    if (was_killed(run_killed(call, site.command(words)))) ++kills;
    std::vector<std::string> wrong;
    for (const Words& next : {words, Words{"doctor"}, Words{"config", "check"}})
      if (const base::Exit exit = site.everseal(next); !exit.success()) wrong.push_back(transcript(exit));
    if (site.live_serial("www.example.org") != serial_of(certbot.chain_file("www.example.org")))
      wrong.emplace_back("another certificate is live");
    if (site.count_versions("www.example.org") != 1) wrong.emplace_back("it was taken over twice");
    if (acme.pebble.orders_placed() != orders_) wrong.emplace_back("an order was placed");
    check_history_and_key(site, "www.example.org", wrong);
    return wrong;
  }

  AcmeSite acme;
  const Site& site = acme.site;
  Certbot certbot;
  Words words;
  std::size_t kills = 0;

 private:
  std::optional<Saved> saved_;
  std::size_t orders_ = 0;
};

}  // namespace

TEST_CASE("an import killed anywhere is finished by the next one") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  ImportArena left(*program);
  ImportArena right(*program);
  left.put_back();
  const std::vector<Call> calls =
      turning_points(list_calls(left.site, std::string(kMutating) + ",sendto", left.site.command(left.words)));
  const auto trial = [](ImportArena& arena) { return [&arena](const Call& call) { return arena.kill_at(call); }; };
  constexpr std::size_t kMostKills = 40;
  const std::size_t runs = try_everywhere({trial(left), trial(right)}, calls, kMostKills);
  CHECK(left.kills + right.kills >= runs * 2 / 3);
}
