#include "inventory/clock.h"

#include "fakes/acme_server.h"
#include "reconcile/site.h"
#include "reconcile/plan.h"
#include "reconcile/verbs/renew.h"

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using std::chrono::days;

TEST_CASE("a CA that says it is another day is noticed by the run, and nobody signs until one of the two is right") {
  fakes::AcmeServer ca;
  Site site;
  site.host.machine = [] { return base::MachineClock{.boot_id = "a", .since_boot = base::Seconds(1000)}; };
  std::ofstream(site.root / "config/everseal.toml")
      << fmt::format("config_version = 1\n[issuer.acme]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\n",
                     ca.directory_url(), ca.ca_file());
  site.now += days(2);
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  config::Certificate elsewhere = site.www();
  elsewhere.name = Name::parse("elsewhere");
  elsewhere.deployments.clear();
  elsewhere.issuers = {Name::parse("acme")};
  CHECK(issue(site.host, {elsewhere, Keep::alive, {}}).exit_code() == 1);
  CHECK(ca.orders_placed() == 0);

  const Verdict verdict = renew(site.host, {});
  CHECK(
      std::ranges::any_of(verdict.outcomes, [](const Outcome& one) { return one.facts.fault == base::Fault::clock; }));
  CHECK(site.events("clock.distrusted") == 1);
  renew(site.host, {{Name::parse("www")}, Force::yes});
  CHECK(site.versions().size() == 1);
  const auto planned = reconcile::plan(site.host, {Name::parse("www")}).front();
  REQUIRE_FALSE(planned.steps.empty());
  CHECK(planned.steps.front().gate == plan::Gate::clock_untrusted);

  site.now -= days(2);
  CHECK(renew(site.host, {{Name::parse("www")}, Force::no}).exit_code() == 0);
  CHECK(site.versions().size() == 2);
}

}  // namespace
