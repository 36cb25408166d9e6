// What is on the disk otherwise than the store knows it: every command says the same of it.
#include "contains.h"
#include "deploy/material.h"
#include "error_of.h"
#include "inventory/backup.h"
#include "reconcile/artifact.h"
#include "reconcile/doctor.h"
#include "reconcile/overview.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/session.h"
#include "reconcile/site.h"
#include "reconcile/verbs/renew.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::reconcile;

namespace {

plan::StandingState listed(const Site& site) {
  inventory::Store store = open_store(site.host, sql::Access::read_only);
  return overview(site.host, store).certificates.at(0).state;
}

std::size_t steps_planned(const Site& site) {
  std::size_t steps = 0;
  for (const PlannedSubject& subject : reconcile::plan(site.host, {})) steps += subject.steps.size();
  return steps;
}

void check_quiet(const Site& site) {
  CHECK(examine(site.host).empty());
  CHECK(steps_planned(site) == 0);
  CHECK(listed(site).why == "");
  CHECK(renew(site.host, {}).outcomes.empty());
}

}  // namespace

TEST_CASE("what is gone of a certificate is told by list, plan and doctor alike, and put right by renew, or mend") {
  namespace fs = std::filesystem;
  struct Row {
    const char* what;
    std::function<void(const std::string& state, const std::string& tls)> spoil;
  };
  const Row rows[] = {
      {"a file in the place of its versions",
       [](const std::string& state, const std::string&) {
         fs::remove_all(state + "/archive/www");
         std::ofstream(state + "/archive/www") << "x";
       }},
      {"its versions are gone",
       [](const std::string& state, const std::string&) { fs::remove_all(state + "/archive/www"); }},
      {"all versions are gone",
       [](const std::string& state, const std::string&) { fs::remove_all(state + "/archive"); }},
      {"its version behind a link",
       [](const std::string& state, const std::string&) {
         fs::rename(state + "/archive/www/1", state + "/archive/www/elsewhere");
         fs::create_directory_symlink("elsewhere", state + "/archive/www/1");
       }},
      {"its key is gone",
       [](const std::string& state, const std::string&) { fs::remove(state + "/archive/www/1/privkey.pem"); }},
      {"its certificate is gone",
       [](const std::string& state, const std::string&) { fs::remove(state + "/archive/www/1/cert.pem"); }},
      {"a directory in the place of the live link",
       [](const std::string& state, const std::string&) {
         fs::remove(state + "/live/www");
         fs::create_directory(state + "/live/www");
       }},
      {"no live link", [](const std::string& state, const std::string&) { fs::remove(state + "/live/www"); }},
      {"no live links", [](const std::string& state, const std::string&) { fs::remove_all(state + "/live"); }},
      {"a live link elsewhere",
       [](const std::string& state, const std::string&) {
         fs::remove(state + "/live/www");
         fs::create_symlink("../archive/www/7", state + "/live/www");
       }},
      {"a deployed file is gone", [](const std::string&, const std::string& tls) { fs::remove(tls + "/privkey.pem"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    check_quiet(site);
    row.spoil(site.host.state, site.root.path() + "/tls");
    const plan::StandingState state = listed(site);
    CHECK(to_string(state.state) == "failing");
    CHECK(state.attention == plan::Attention::needed);
    CHECK(steps_planned(site) > 0);
    CHECK_FALSE(examine(site.host).empty());
    if (std::filesystem::is_directory(std::filesystem::symlink_status(site.host.state + "/live/www"))) mend(site.host);
    for (int run = 0; run < 3 && steps_planned(site) > 0; ++run) {
      renew(site.host, {.names = {Name::parse("www")}});
      site.now += std::chrono::days(1);
    }
    CHECK(steps_planned(site) == 0);
    CHECK(listed(site).why == "");
  }
}

TEST_CASE("files that changed are told by list until a run compared them, and need nobody") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  std::filesystem::last_write_time(site.host.state + "/archive/www/1/cert.pem",
                                   std::filesystem::file_time_type::clock::now());
  CHECK(steps_planned(site) == 1);
  CHECK(listed(site).attention == plan::Attention::none);
  CHECK(listed(site).why.starts_with("files of version 1 changed"));
  renew(site.host, {});
  check_quiet(site);
}

TEST_CASE("a CRL or a publication that is gone is told by list as by plan") {
  for (const bool published : {false, true}) {
    CAPTURE(published);
    Site site;
    std::ofstream(site.root.path() + "/config/everseal.toml", std::ios::app)
        << "[authority.corp.publish.web]\ntype = \"files\"\ncontents = [\"crl\"]\ndirectory = \"" << site.root.path()
        << "/tls\"\n";
    REQUIRE(renew(site.host, {}).exit_code() == 0);
    const auto authority = [&] {
      inventory::Store store = open_store(site.host, sql::Access::read_only);
      return overview(site.host, store).authorities.at(0).state;
    };
    CHECK(authority().why == "");
    std::size_t removed = 0;
    for (const auto& entry : std::filesystem::directory_iterator(published ? site.root.path() + "/tls"
                                                                           : site.host.state + "/authorities/corp"))
      if (entry.path().filename().string().find("crl") != std::string::npos)
        removed += std::filesystem::remove(entry.path()) ? 1U : 0U;
    REQUIRE(removed == 1);
    CHECK(authority().attention == plan::Attention::needed);
    CHECK(steps_planned(site) > 0);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(authority().why == "");
  }
}

TEST_CASE("versions behind a link are told by doctor, plan, list and renew alike") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string path = site.host.state + "/archive/www";
  std::filesystem::rename(path, site.root / "elsewhere");
  std::filesystem::create_directory_symlink(site.root / "elsewhere", path);
  CHECK_FALSE(examine(site.host).empty());
  CHECK(steps_planned(site) > 0);
  CHECK(listed(site).attention == plan::Attention::needed);
  CHECK(renew(site.host, {}).exit_code() == 1);
  std::filesystem::remove(path);
  std::filesystem::rename(site.root / "elsewhere", path);
  site.now += std::chrono::days(1);
  renew(site.host, {});
  check_quiet(site);
}

TEST_CASE(
    "a directory of the state that is a link or a file is told once by every command, with the command that mends") {
  for (const char* const name : {"accounts", "archive", "authorities", "live", "locks"})
    for (const bool linked : {true, false}) {
      CAPTURE(name);
      CAPTURE(linked);
      Site site;
      REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
      const std::string path = site.host.state + "/" + name, elsewhere = site.root.path() + "/else where";
      base::Directory::create(path, 0700);
      std::filesystem::rename(path, elsewhere);
      if (linked)
        std::filesystem::create_directory_symlink(elsewhere, path);
      else
        std::ofstream(path) << "x";
      const auto complaints = examine(site.host);
      REQUIRE(complaints.size() == 1);
      CHECK(complaints[0].what.starts_with(path + (linked ? " is a symbolic link to " : " is no directory")));
      const std::function<void()> commands[] = {[&] { listed(site); },
                                                [&] { steps_planned(site); },
                                                [&] { renew(site.host, {}); },
                                                [&] { mend(site.host); },
                                                [&] { rebuild(site.host); },
                                                [&] {
                                                  issue(site.host, {site.www(), Keep::alive, {}});
                                                },
                                                [&] { revoke(site.host, revocation_of_www()); }};
      for (const auto& command : commands) {
        const base::Error error = error_of(command);
        CHECK(error.fault() == base::Fault::config);
        CHECK(error.message() == complaints[0].what);
        CHECK(error.hint() == complaints[0].remedy);
      }
      const std::string& mends = complaints[0].command;
      REQUIRE(std::system(mends.substr(0, mends.find(" && everseal")).c_str()) == 0);
      if (!linked) {
        std::filesystem::remove_all(path);
        std::filesystem::rename(elsewhere, path);
      }
      check_quiet(site);
    }
}

TEST_CASE("daily copies may lie behind a link") {
  Site site;
  std::filesystem::create_directory(site.root / "copies");
  std::filesystem::create_directory_symlink(site.root / "copies", site.host.state + "/backups");
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  CHECK(renew(site.host, {.names = {Name::parse("www")}, .force = Force::yes}).exit_code() == 0);
  site.now += std::chrono::days(1);
  CHECK(renew(site.host, {.force = Force::yes, .all = true}).exit_code() == 0);
  CHECK_FALSE(std::filesystem::is_empty(site.root / "copies"));
  CHECK(examine(site.host).empty());
}

TEST_CASE("after a restore it is known what is deployed, and what left the config since is taken away") {
  namespace fs = std::filesystem;
  Site site;
  const auto back_up = [&](const std::string& file) {
    inventory::Store store = open_store(site.host, sql::Access::read_write);
    inventory::backup(store, file);
  };
  const auto keys_there = [&] {
    return std::ranges::count_if(fs::recursive_directory_iterator(site.root.path() + "/tls"),
                                 [](const auto& entry) { return entry.path().filename() == "privkey.pem"; });
  };
  config::Certificate bare = site.www();
  bare.deployments.clear();
  REQUIRE(issue(site.host, {bare, Keep::alive, {}}).exit_code() == 0);
  back_up(site.root / "before");
  fs::copy(site.root / "config", site.root / "config.before", fs::copy_options::recursive);
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  back_up(site.root / "deployed");
  REQUIRE(renew(site.host, {{Name::parse("www")}, Force::yes}).exit_code() == 0);
  REQUIRE(site.live() == 2);

  for (const char* const file : {"deployed", "before"}) {
    CAPTURE(file);
    CHECK(restore(site.host, site.root / file).verdict.exit_code() == 0);
    CHECK_MESSAGE(listed(site).attention == plan::Attention::none, listed(site).why);
    CHECK(renew(site.host, {}).outcomes.empty());
  }
  REQUIRE(keys_there() > 0);

  CHECK(restore(site.host, site.root / "before").verdict.exit_code() == 0);
  fs::copy(site.root / "config.before", site.root / "config",
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  CHECK(renew(site.host, {}).exit_code() == 0);
  CHECK(keys_there() == 0);
}

TEST_CASE("doctor says of a lost key that it is gone and what makes another, also when that is recorded") {
  for (const bool link_is_gone : {false, true}) {
    CAPTURE(link_is_gone);
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    std::filesystem::remove(site.host.state + "/archive/www/1/privkey.pem");
    if (link_is_gone) std::filesystem::remove(site.host.state + "/live/www");
    for (const bool is_recorded : {false, true}) {
      CAPTURE(is_recorded);
      if (is_recorded) {
        const Verdict verdict = mend(site.host);
        CHECK(verdict.exit_code() == 0);
        REQUIRE(verdict.outcomes.size() == 1);
        CHECK(contains(verdict.outcomes.front().text, "it is recorded that version 1 has lost its private key"));
      }
      std::string lines;
      for (const Complaint& one : examine(site.host)) lines += fmt::format("{}: {}\n", one.rule, one.command);
      CHECK(lines == "key-lost: everseal renew --force www && everseal doctor --mend\n");
    }
    // Nor does a deployment advise to take the key out of it.
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
    const config::Config none;
    Session session(site.host, none, store);
    try {
      certificate_artifact(session, Name::parse("www"))->with(1, [](const deploy::Artifact& artifact) {
        deploy::render(deploy::Content::privkey, artifact, {});
      });
      FAIL("there is no key to render");
    } catch (const base::Error& error) {
      CHECK(error.message() == "the private key of version 1 of www is missing from the archive");
      CHECK(contains(error.hint(), "`everseal renew --force www` makes a new version"));
    }
    CHECK(renew(site.host, {.names = {Name::parse("www")}, .force = Force::yes}).exit_code() == 0);
    mend(site.host);
    CHECK(examine(site.host).empty());
  }
}
