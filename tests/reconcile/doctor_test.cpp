#include "reconcile/doctor.h"

#include "base/text.h"
#include "fakes/acme_server.h"
#include "fakes/temporary_directory.h"
#include "inventory/store.h"
#include "reconcile/verbs/account.h"

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

TEST_CASE("rebuilds within one second keep every database that they replace, each with its log") {
  const fakes::TemporaryDirectory directory;
  Host host;
  host.state = directory / "state";
  host.clock = [] { return base::from_unix(1795000000); };
  inventory::Store::create(host.state, host.clock());
  const std::set<std::string> colours{"red", "green", "blue"};
  for (const std::string& colour : colours) {
    inventory::Store::open(host.state, sql::Access::read_write, host.clock()).set_setting("colour", colour);
    std::ofstream(host.state + "/everseal.db-wal") << colour;
    rebuild(host);
  }
  std::set<std::string> kept;
  for (const auto& entry : fs::directory_iterator(host.state)) {
    const std::string file = entry.path();
    if (file.find(".before-rebuild-") == std::string::npos || !file.ends_with("-wal")) continue;
    std::string colour;
    std::getline(std::ifstream(file), colour);
    fs::remove(file);
    const std::string database = file.substr(0, file.size() - 4);
    auto former = inventory::Store::over(host.state, sql::open(database, sql::Access::read_only));
    CHECK(former.setting("colour") == colour);
    kept.insert(colour);
  }
  CHECK(kept == colours);
}

}  // namespace
}  // namespace everseal::reconcile
