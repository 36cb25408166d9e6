#include "system/site.h"

#include <filesystem>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

TEST_CASE("of two renewals at once one works, and the other ends at once with 75") {
  const Site site;
  std::filesystem::create_directory(site / "tls");
  const std::string started = site / "started";
  const std::string go = site / "go";
  const std::string reload =
      site.script("reload", fmt::format("touch {}; while ! [ -e {} ]; do sleep 0.02; done", started, go));
  site.configure(certificate_table("web") + deploy_table({.directory = site / "tls", .reload = reload, .verify = {}}));

  base::Exit first;
  {
    const std::jthread worker([&] { first = site.everseal({"renew"}); });
    wait_until("the first run's reload", [&] { return std::filesystem::exists(started); });
    // The first cannot end before this one has.
    const base::Exit second = site.everseal({"renew"});
    const base::Exit named = site.everseal({"renew", "web", "--force"});
    write_text(go, "");
    CHECK(second.status == 75);
    CHECK(contains(second.errors, "another run works on"));
    CHECK(named.status == 75);
  }
  require_status(first, 0);
  CHECK(site.count_signed() == 1);
  require_status(site.everseal({"renew"}), 0);
}
