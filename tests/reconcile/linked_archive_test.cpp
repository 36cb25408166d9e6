// Links in the places of the archive's directories: nothing is read behind them, and every command says the same.
#include "reconcile/doctor.h"
#include "reconcile/plan.h"
#include "reconcile/site.h"
#include "reconcile/verbs/renew.h"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::reconcile;

namespace {

// Whether doctor, plan and renew have something to say, though nothing is due.
void check_all_speak(const Site& site, bool wanted) {
  CHECK(examine(site.host).empty() != wanted);
  bool plans = false;
  try {
    for (const PlannedSubject& subject : reconcile::plan(site.host, {})) plans |= !subject.steps.empty();
  } catch (const base::Error&) {
    plans = true;
  }
  CHECK(plans == wanted);
  CHECK((renew(site.host, {}).exit_code() != 0) == wanted);
}

}  // namespace

TEST_CASE("an archive behind a link is told by doctor, plan and renew alike") {
  for (const char* const place : {"/archive/www", "/archive"}) {
    CAPTURE(place);
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    check_all_speak(site, false);
    const std::string path = site.host.state + place;
    std::filesystem::rename(path, site.root / "elsewhere");
    std::filesystem::create_directory_symlink(site.root / "elsewhere", path);
    check_all_speak(site, true);
    std::filesystem::remove(path);
    std::filesystem::rename(site.root / "elsewhere", path);
    site.now += std::chrono::days(1);
    renew(site.host, {});
    check_all_speak(site, false);
  }
}
