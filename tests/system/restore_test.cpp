// Backups, and a history that somebody touched, as the operator meets them.
#include "pki/crl.h"
#include "system/site.h"

#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

pki::Crl published(const Site& site) {
  return pki::Crl::parse(base::as_bytes(read_text(site.state() + "/authorities/demo/crl.der")));
}

bool lists(const pki::Crl& crl, const std::string& serial) {
  return std::ranges::any_of(crl.entries, [&](const auto& entry) { return entry.serial == serial; });
}

std::string head_of(const Site& site) { return site.json({"history", "--verify"}).at("chains").at(1).at("head"); }

void edit(const Site& site, const std::string& statement) {
  run_or_fail({"sqlite3", site.state() + "/everseal.db", statement});
}

}  // namespace

TEST_CASE("an older backup brings the state back, and forgets neither a revocation nor a CRL number") {
  const Site site;
  site.configure(certificate_table("web"));
  require_status(site.everseal({"renew"}), 0);
  const std::string first = site.live_serial("web");
  require_status(site.everseal({"backup", site / "backup.db"}), 0);
  require_status(site.everseal({"revoke", "web"}), 0);
  const std::string second = site.live_serial("web");
  REQUIRE(second != first);
  const auto number = *published(site).number;
  REQUIRE(lists(published(site), first));

  require_status(site.everseal({"restore", site / "backup.db"}), 0);
  require_status(site.everseal({"ca", "crl", "demo"}), 0);
  CHECK(*published(site).number > number);
  CHECK(lists(published(site), first));

  // The archive knows the version that the backup does not.
  require_status(site.everseal({"doctor", "--rebuild"}), 0);
  require_status(site.everseal({"renew"}), 0);
  CHECK(site.live_serial("web") == second);
  CHECK(site.count_versions("web") == 2);
  require_status(site.everseal({"history", "--verify"}), 0);
}

TEST_CASE("history --verify finds a history that was cut, edited, written anew or restored") {
  const Site site;
  site.configure(certificate_table("web"));
  require_status(site.everseal({"backup", site / "backup.db"}), 0);
  require_status(site.everseal({"renew"}), 0);
  const std::string anchor = head_of(site);
  const std::string database = site.state() + "/everseal.db";
  require_status(site.everseal({"backup", site / "good.db"}), 0);
  require_status(site.everseal({"history", "--verify", "--anchor", anchor}), 0);
  require_status(site.everseal({"renew", "--force", "web"}), 0);
  require_status(site.everseal({"history", "--verify", "--anchor", anchor}), 0);

  struct Way {
    const char* what;
    std::function<void()> touch;
  };
  const Way ways[] = {
      {"cut", [&] { edit(site, "delete from event where number > 3"); }},
      {"edited", [&] { edit(site, "update event set actor = 'nobody' where number = 2"); }},
      {"one taken out", [&] { edit(site, "delete from event where number = 2"); }},
      {"written anew",
       [&] {
         for (const std::string end : {"", "-wal", "-shm"}) fs::remove(database + end);
         require_status(site.everseal({"doctor", "--rebuild"}), 0);
       }},
      {"restored",
       [&] {
         require_status(site.everseal({"restore", site / "backup.db"}), 0);
       }},
  };
  for (const Way& way : ways) {
    INFO(way.what);
    for (const std::string end : {"-wal", "-shm"}) fs::remove(database + end);
    write_text(database, read_text(site / "good.db"), 0600);
    require_status(site.everseal({"history", "--verify", "--anchor", anchor}), 0);
    way.touch();
    const base::Exit exit = site.everseal({"history", "--verify", "--anchor", anchor});
    INFO(transcript(exit));
    CHECK(exit.how == base::Exit::How::exited);
    CHECK(exit.status == 1);
  }
}
