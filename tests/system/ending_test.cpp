// What ends is taken away, wherever the run that does it is killed.
#include "pki/crl.h"
#include "system/kill.h"
#include "system/site.h"

#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

void issue_web(const Site& site) {
  fs::create_directory(site / "tls");
  require_status(site.everseal({"issue", "--issuer", "demo", "-d", "localhost", "--as", "web", "--deploy-dir",
                                site / "tls", "--verify", "none"}),
                 0);
}

std::string ask(const Site& site, const std::string& query) {
  return run_or_fail({"sqlite3", site.state() + "/everseal.db", query});
}

// What was taken away by the run that was killed is not told as lost.
void check_told(const Site& site, std::vector<std::string>& wrong) {
  for (const Json& event : site.events("web"))
    if (contains(event.dump(), "nothing of it was found")) wrong.emplace_back("what was taken away is said to be lost");
}

// Below `directory`.
std::vector<std::string> files_called(const std::string& directory, const std::string& name) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.path().filename() == name) found.push_back(entry.path());
  return found;
}

bool is_empty(const std::string& directory) { return fs::directory_iterator(directory) == fs::directory_iterator(); }

}  // namespace

TEST_CASE("a removal killed at any system call is ended by the next run, and nothing of what was to go stays") {
  kill_everywhere(
      {.prepare =
           [](const Site& site) {
             issue_web(site);
             require_status(site.everseal({"renew", "--force", "web"}), 0);
             require_status(site.everseal({"issue", "--issuer", "demo", "-d", "other.test", "--as", "other"}), 0);
           },
       .places = {"state", "config", "tls"},
       .words =
           [](const Site&) {
             return Words{"remove", "web", "--revoke", "--delete-keys"};
           },
       .go_on =
           [](const Site& site, std::vector<std::string>& wrong) {
             // Who was not told that it is done says it again, and needs not where it was recorded.
             const bool recorded = ask(site, "select count(*) from intent where kind = 'remove'") != "0\n";
             require_success(site, {{"renew"}}, wrong);
             if (!recorded) require_success(site, {{"remove", "web", "--revoke", "--delete-keys"}}, wrong);
             require_success(site, {{"renew"}, {"doctor"}, {"history", "--verify"}, {"config", "check"}}, wrong);
             if (contains(site.everseal({"list", "--managed"}).output, "web")) wrong.emplace_back("web is still there");
             if (site.count_signed() != 3) wrong.emplace_back("another certificate was signed");
             if (!files_called(site.state() + "/archive/web", "privkey.pem").empty()) wrong.emplace_back("a key stays");
             if (!is_empty(site / "tls")) wrong.emplace_back("something stays where it was deployed");
             const auto crl = pki::Crl::parse(base::as_bytes(read_text(site.state() + "/authorities/demo/crl.der")));
             if (crl.entries.size() != 2) wrong.push_back(fmt::format("{} are revoked", crl.entries.size()));
             check_told(site, wrong);
             check_history_and_key(site, "other", wrong);
           }},
      40);
}

TEST_CASE("a run that moves one target and gives up another, killed at any system call, is ended by the next one") {
  const auto tables = [](const Site& site, const char* place) {
    return certificate_table("web") + deploy_table({.directory = site / place, .reload = {}, .verify = {}});
  };
  kill_everywhere({.prepare =
                       [&](const Site& site) {
                         for (const char* place : {"here", "there", "given-up"}) fs::create_directory(site / place);
                         site.configure(tables(site, "here") + deploy_table({.certificate = "web",
                                                                             .target = "second",
                                                                             .directory = site / "given-up",
                                                                             .reload = {},
                                                                             .verify = {}}));
                         require_status(site.everseal({"renew"}), 0);
                         REQUIRE(fs::exists(site / "given-up/privkey.pem"));
                         site.configure(tables(site, "there"));
                       },
                   .places = {"state", "here", "there", "given-up"},
                   .words = [](const Site&) { return Words{"renew"}; },
                   .go_on =
                       [](const Site& site, std::vector<std::string>& wrong) {
                         require_success(site, {{"renew"}, {"doctor"}}, wrong);
                         if (serial_of(site / "there/fullchain.pem") != site.live_serial("web"))
                           wrong.emplace_back("not what is live is in place");
                         for (const char* place : {"here", "given-up"})
                           if (!is_empty(site / place)) wrong.push_back(fmt::format("something stays {}", place));
                         if (site.count_events("web", "deployment.retired") != 2)
                           wrong.emplace_back("the history does not tell it");
                         if (site.count_signed() != 1) wrong.emplace_back("another certificate was signed");
                         check_told(site, wrong);
                         check_history_and_key(site, "web", wrong);
                       }},
                  40);
}
