#include "reconcile/doctor.h"

#include "base/text.h"
#include "fakes/acme_server.h"
#include "fakes/temporary_directory.h"
#include "inventory/backup.h"
#include "inventory/events.h"
#include "inventory/store.h"
#include "reconcile/verbs/account.h"
#include "reconcile/recover.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

namespace fs = std::filesystem;

// A state and a CA at which two issuers can have accounts.
struct Accounts {
  fakes::TemporaryDirectory directory;
  fakes::AcmeServer ca;
  Host host;

  Accounts() {
    host.state = directory / "state";
    configure(issuer("mine") + issuer("other"));
    inventory::Store::create(host.state, host.clock());
  }

  void configure(const std::string& text) {
    const std::string file = directory / "everseal.toml";
    std::ofstream(file) << "config_version = 1\n" << text;
    host.files = config::files(file, host.state);
  }
  std::string issuer(const std::string& name, const std::string& path = "/directory") const {
    return fmt::format("[issuer.{}]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\n", name, ca.url(path),
                       ca.ca_file());
  }
  // Makes an account, and gives the folder of its key.
  std::string make(const std::string& issuer) const { return act(issuer, AccountAction::make); }
  std::string act(const std::string& issuer, AccountAction action) const {
    return account(host, {.issuer = Name::parse(issuer), .action = action}).folder;
  }
  // "WHAT -> REMEDY"
  std::string complaints() const {
    std::vector<std::string> lines;
    for (const Complaint& one : examine(host)) lines.push_back(fmt::format("{} -> {}", one.what, one.remedy));
    return base::join(lines, "\n");
  }
};

void write(const std::string& file, std::string_view text) {
  std::ofstream(file) << text;
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

TEST_CASE("an account whose key cannot be used is a complaint that says what to do") {
  struct Row {
    std::string about;
    std::function<void(const std::string& folder, const std::string& other)> spoil;
    std::string complaint;  // {0} is the folder
  };
  const Row rows[] = {
      {"sound", [](const auto&, const auto&) {}, ""},
      {"the key is missing", [](const auto& folder, const auto&) { fs::remove(folder + "/key.pem"); },
       "the key of our account at mine is missing from {0} -> restore it from a backup, or `everseal account register "
       "mine` makes another account"},
      {"all of it is missing", [](const auto& folder, const auto&) { fs::remove_all(folder); },
       "the key of our account at mine is missing from {0} -> restore it from a backup, or `everseal account register "
       "mine` makes another account"},
      {"the key is unreadable",
       [](const auto& folder, const auto&) {
         fs::remove(folder + "/key.pem");
         fs::create_directory(folder + "/key.pem");
       },
       "{0}/key.pem is not a regular file -> restore it from a backup; or remove it, and `everseal account register "
       "mine` makes another account"},
      {"the key is no key", [](const auto& folder, const auto&) { write(folder + "/key.pem", "nonsense\n"); },
       "private key {0}/key.pem: not a private key -> restore it from a backup; or remove it, and `everseal account "
       "register mine` makes another account"},
      {"others may read it",
       [](const auto& folder, const auto&) {
         fs::permissions(folder + "/key.pem", fs::perms::others_read, fs::perm_options::add);
       },
       "cannot use the secret file {0}/key.pem: others may read or write it -> it must be yours, with mode 0600; if "
       "others may have read it, `everseal account rotate-key mine` replaces it"},
      {"the key is another",
       [](const auto& folder, const auto& other) {
         fs::copy_file(other + "/key.pem", folder + "/key.pem", fs::copy_options::overwrite_existing);
       },
       "{0}/key.pem is not the key that account.json beside it names -> `everseal account show mine` asks the CA whose "
       "it is"},
      {"the manifest is broken", [](const auto& folder, const auto&) { write(folder + "/account.json", "{}"); },
       "{0}/account.json: 'issuer' is no name -> restore it from a backup, or remove it: the CA is asked by the key "
       "then"},
      {"the manifest is missing", [](const auto& folder, const auto&) { fs::remove(folder + "/account.json"); }, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.about);
    const Accounts accounts;
    const std::string folder = accounts.make("mine");
    row.spoil(folder, accounts.make("other"));
    CHECK(accounts.complaints() == fmt::format(fmt::runtime(row.complaint), folder));
  }
}

TEST_CASE("an account at the staging directory is looked at too") {
  Accounts accounts;
  fs::remove(accounts.make("mine") + "/key.pem");
  accounts.configure(accounts.issuer("mine", "/production") +
                     fmt::format("staging = \"{}\"\n", accounts.ca.directory_url()));
  CHECK(accounts.complaints().find("`everseal account register mine --staging`") != std::string::npos);
}

TEST_CASE("an account that an older database does not know is looked at too") {
  const Accounts accounts;
  fs::remove(accounts.make("mine") + "/key.pem");
  fs::remove(accounts.host.state + "/everseal.db");
  inventory::Store::create(accounts.host.state, accounts.host.clock());
  CHECK(accounts.complaints().find("the key of our account at mine is missing") != std::string::npos);
}

TEST_CASE("an account that is not used any more is no complaint") {
  Accounts accounts;
  const std::string folder = accounts.make("mine");
  SUBCASE("no issuer has it") { accounts.configure(accounts.issuer("other")); }
  SUBCASE("its issuer has another directory") { accounts.configure(accounts.issuer("mine", "/elsewhere")); }
  SUBCASE("it has ended") {
    accounts.ca.set_rules(
        [](fakes::AcmeExchange& exchange) {
          if (exchange.resource == "account")
            exchange.answer = fakes::AcmeAnswer::json(200, {{"status", "deactivated"}});
        },
        {});
    accounts.act("mine", AccountAction::deactivate);
  }
  fs::remove(folder + "/key.pem");
  CHECK(accounts.complaints() == "");
}

TEST_CASE("rebuilds within one second keep every database that they replace") {
  const fakes::TemporaryDirectory directory;
  Host host;
  host.state = directory / "state";
  host.clock = [] { return base::from_unix(1795000000); };
  inventory::Store::create(host.state, host.clock());
  const std::set<std::string> colours{"red", "green", "blue"};
  for (const std::string& colour : colours) {
    inventory::Store::open(host.state, sql::Access::read_write, host.clock()).set_setting("colour", colour);
    rebuild(host);
  }
  std::set<std::string> kept;
  for (const auto& entry : fs::directory_iterator(host.state)) {
    const std::string file = entry.path();
    if (file.find(".before-rebuild-") == std::string::npos || file.ends_with("-wal") || file.ends_with("-shm"))
      continue;
    kept.insert(inventory::Store::over(host.state, sql::open(file, sql::Access::read_only)).setting("colour").value());
  }
  CHECK(kept == colours);
}

TEST_CASE("a database that cannot be opened is kept with its log, and none is replaced that somebody has open") {
  const fakes::TemporaryDirectory directory;
  Host host;
  host.state = directory / "state";
  {
    auto open = inventory::Store::create(host.state, host.clock());
    inventory::backup(open, directory / "b");
    for (const auto& replace :
         {std::function([&] { rebuild(host); }), std::function([&] { restore(host, directory / "b"); })}) {
      base::Fault fault = base::Fault::internal;
      try {
        replace();
      } catch (const base::Error& error) {
        fault = error.fault();
      }
      CHECK(fault == base::Fault::busy);
    }
  }
  write(host.state + "/everseal.db", std::string(8192, 'x'));
  write(host.state + "/everseal.db-wal", "log");
  rebuild(host);
  std::set<std::string> ends;
  for (const auto& entry : fs::directory_iterator(host.state)) {
    const std::string file = entry.path().filename();
    if (file.find(".before-rebuild-") != std::string::npos) ends.insert(file.ends_with("-wal") ? "log" : "database");
  }
  CHECK(ends == std::set<std::string>{"database", "log"});
  CHECK_NOTHROW(inventory::Store::open(host.state, sql::Access::read_write, host.clock()));
}

TEST_CASE("a history that is older than the newest daily copy is a complaint, until another database came") {
  const fakes::TemporaryDirectory directory;
  Host host;
  host.state = directory / "state";
  {
    auto store = inventory::Store::create(host.state, host.clock());
    inventory::Events(store).add("a.b", "x", {}, host.clock());
    inventory::backup(store, directory / "early");
    inventory::Events(store).add("a.c", "x", {}, host.clock());
    inventory::keep_daily_copy(store, host.clock());
  }
  CHECK(examine(host).empty());
  fs::copy_file(directory / "early", host.state + "/everseal.db", fs::copy_options::overwrite_existing);
  const std::vector<Complaint> complaints = examine(host);
  REQUIRE(complaints.size() == 1);
  CHECK(complaints.front().rule == "history");
  host.clock = [] { return base::wall_clock() + std::chrono::seconds(2); };
  restore(host, directory / "early");
  CHECK(examine(host).empty());
}

}  // namespace
}  // namespace everseal::reconcile
