// Accounts at ACME CAs are found again by what lies beside the database, and never made a second time in silence.
#include "system/acme_site.h"
#include "system/scripted_host.h"

#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

std::string account_folder(const Site& site, const std::string& issuer) {
  for (const auto& entry : fs::directory_iterator(site.state() + "/accounts"))
    if (entry.path().filename().string().starts_with(issuer + "-")) return entry.path().string();
  throw std::runtime_error("there is no account of " + issuer);
}

void make_key(const std::string& file) {
  run_or_fail({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file});
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace

TEST_CASE("an account that cannot be used is said with what to do, and no other is made") {
  struct Row {
    std::string about;
    std::function<void(const ScriptedHost& host, const std::string& folder)> spoil;
    std::string message;
  };
  const auto rebuild = [](const ScriptedHost& host) {
    host.site.lose_database();
    require_status(host.site.everseal({"doctor", "--rebuild"}), 0);
  };
  const Row rows[] = {
      {"the key is missing", [](const ScriptedHost&, const std::string& folder) { fs::remove(folder + "/key.pem"); },
       "the key of our account at scripted is missing"},
      {"the key is nobody's", [](const ScriptedHost&, const std::string& folder) { make_key(folder + "/key.pem"); },
       "is not that of our account"},
      {"the key is another account's",
       [](const ScriptedHost& host, const std::string& folder) {
         require_status(host.site.everseal({"account", "register", "other"}), 0);
         fs::copy_file(account_folder(host.site, "other") + "/key.pem", folder + "/key.pem",
                       fs::copy_options::overwrite_existing);
       },
       "is not that of our account"},
      {"the key is no key",
       [](const ScriptedHost&, const std::string& folder) { write_text(folder + "/key.pem", "nonsense\n", 0600); },
       "/key.pem"},
      {"the CA forgot the account",
       [](const ScriptedHost& host, const std::string&) {
         host.ca.set_rules(
             [](fakes::AcmeExchange& exchange) {
               if (exchange.resource != "newNonce")
                 exchange.answer = fakes::AcmeAnswer::problem(400, "accountDoesNotExist", "who?");
             },
             {});
       },
       "`everseal account register scripted`"},
      {"the key and the database are lost",
       [&](const ScriptedHost& host, const std::string& folder) {
         fs::remove(folder + "/key.pem");
         rebuild(host);
       },
       "the key of our account at scripted is missing"},
      {"the key and the account since the backup are lost",
       [&](const ScriptedHost& host, const std::string& folder) {
         fs::remove(folder + "/key.pem");
         require_status(host.site.everseal({"restore", host.site / "backup.db"}), 0);
       },
       "the key of our account at scripted is missing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.about);
    const ScriptedHost host;
    // Another issuer is another account, even at the same CA.
    const std::string config = read_text(host.site.config_file());
    write_text(host.site.config_file(),
               config + fmt::format("[issuer.other]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\n",
                                    host.ca.directory_url(), host.ca.ca_file()));
    require_status(host.site.everseal({"backup", host.site / "backup.db"}), 0);
    require_status(host.renew(), 0);
    const std::string folder = account_folder(host.site, "scripted");
    const std::string key = read_text(folder + "/key.pem");
    row.spoil(host, folder);
    const int accounts = host.ca.accounts_made();
    const base::Exit refused = host.renew({"--force"});
    INFO(transcript(refused));
    CHECK(refused.status == 1);
    CHECK(contains(refused.output + refused.errors, row.message));
    CHECK(host.ca.accounts_made() == accounts);
    CHECK(host.ca.orders_placed() == 1);
    // Once that is put right, all goes on.
    host.ca.set_rules({}, {});
    write_text(folder + "/key.pem", key, 0600);
    require_status(host.renew({"--force"}), 0);
    CHECK(host.ca.accounts_made() == accounts);
    CHECK(host.ca.orders_placed() == 2);
    CHECK(host.ca.violations() == std::vector<std::string>{});
  }
}

TEST_CASE("an account outlives its database") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const AcmeSite acme(*program);
  const Site& site = acme.site;
  const Words issue{"issue", "--issuer", "pebble", "-d", "www.example.org", "--as", "www"};
  require_status(site.everseal({"backup", site / "empty.db"}), 0);
  require_status(site.everseal({"account", "register", "pebble"}), 0);
  require_status(site.everseal({"backup", site / "first.db"}), 0);
  site.json({"account", "deactivate", "pebble"});
  require_status(site.everseal({"backup", site / "deactivated.db"}), 0);
  const std::string url = site.json({"account", "register", "pebble"}).at("url");
  site.json({"account", "rotate-key", "pebble"});
  require_status(site.everseal(issue), 0);
  REQUIRE(acme.pebble.accounts_made() == 2);

  struct Row {
    std::string about;
    Words command;
  };
  const Row rows[] = {
      {"rebuilt", {"doctor", "--rebuild"}},
      {"of before the account", {"restore", site / "empty.db"}},
      {"of an earlier account", {"restore", site / "first.db"}},
      {"of an earlier account that ended", {"restore", site / "deactivated.db"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.about);
    site.lose_database();
    const base::Exit exit = site.everseal(row.command);
    require_status(exit, 0);
    if (row.command.front() == "doctor") CHECK(contains(exit.output, "account/pebble"));
    const Json shown = site.json({"account", "show", "pebble"});
    CHECK(shown.at("url") == url);
    CHECK(shown.at("status") == "valid");
    require_status(site.everseal(issue), 0);
    require_status(site.everseal({"renew", "www", "--force"}), 0);
    require_status(site.everseal({"history", "--verify"}), 0);
    CHECK(acme.pebble.accounts_made() == 2);
  }
}

TEST_CASE("the CA is shown before there is an account, and accounts are listed as they are recorded") {
  const ScriptedHost host;
  const Json before = host.site.json({"account", "show", "scripted"});
  CHECK(before.at("status") == "none");
  CHECK(before.at("created").is_null());
  CHECK(before.at("directory") == host.ca.directory_url());
  CHECK(contains(host.site.everseal({"account", "show", "scripted"}).errors, "`everseal account register scripted`"));
  CHECK(host.site.json({"account", "list"}).at("accounts").empty());
  CHECK(host.ca.accounts_made() == 0);
  for (const char* action : {"update", "rotate-key", "deactivate"})
    CHECK(host.site.everseal({"account", action, "scripted"}).status == 1);

  require_status(host.site.everseal({"account", "register", "scripted"}), 0);
  const Json list = host.site.json({"account", "list"}).at("accounts");
  REQUIRE(list.size() == 1);
  CHECK(list.at(0).at("issuer") == "scripted");
  CHECK(list.at(0).at("status") == "valid");
  CHECK(list.at(0).at("url") == host.site.json({"account", "show", "scripted"}).at("url"));
}

TEST_CASE("after a backup of an earlier day orders go on, and what was completed since is not ordered again") {
  struct Row {
    std::string about;
    bool is_begun;  // version 1, when the backup is made
  };
  for (const Row& row : {Row{"of before the version", false}, Row{"while it was under way", true}}) {
    CAPTURE(row.about);
    const ScriptedHost host;
    if (row.is_begun) {
      host.ca.set_rules(
          [](fakes::AcmeExchange& exchange) {
            if (exchange.resource == "newOrder") exchange.cut = true;
          },
          {});
      CHECK(host.renew().status == 1);
      host.ca.set_rules({}, {});
    }
    require_status(host.site.everseal({"backup", host.site / "backup.db"}), 0);
    require_status(host.renew(), 0);
    const std::string serial = host.site.live_serial("www");
    host.site.lose_database();
    require_status(host.site.everseal({"restore", host.site / "backup.db"}), 0);
    require_status(host.renew(), 0);
    require_status(host.site.everseal({"renew"}), 0);
    CHECK(host.ca.orders_placed() == 1);
    CHECK(host.site.live_serial("www") == serial);
    CHECK(host.site.count_versions("www") == 1);
    require_status(host.site.everseal({"doctor"}), 0);
    CHECK(host.ca.accounts_made() == 1);
  }
}
