// What is other than it was: one entry a place, nothing where nothing is.
#include "scan/difference.h"

#include "inventory/findings.h"
#include "inventory/places.h"
#include "inventory/support.h"

#include <doctest/doctest.h>

namespace everseal::scan {
namespace {

using inventory::kDay;
using inventory::kNow;
using inventory::make_certificate;

constexpr base::Seconds kOneHour{3600};
constexpr base::Time kBefore = kNow;
constexpr base::Time kSince = kNow + kOneHour;
constexpr base::Time kLater = kNow + 2 * kOneHour;

using Texts = std::vector<std::string>;

struct History : inventory::TestState {
  inventory::Places places{store};

  void look(base::Time at, const std::string& name, const pki::Certificate& leaf, const Texts& rules = {},
            const std::string& severity = "warning", const std::string& address = {}) {
    inventory::Look look;
    look.place.name = base::Untrusted(name);
    look.place.address = address;
    look.place.source = "config";
    look.probe.at = at;
    look.probe.outcome = "complete";
    look.certificates = std::vector{leaf};
    for (const std::string& rule : rules) {
      inventory::FindingRecord finding;
      finding.rule = rule;
      finding.severity = severity;
      look.findings.push_back(finding);
    }
    places.record(look);
  }

  Texts told(const std::set<std::int64_t>& lapsed = {}) {
    Texts texts;
    for (const Difference& one : differences(store, {kSince, kLater + kOneHour, lapsed}))
      texts.push_back(one.place.text() + ": " + one.text());
    return texts;
  }
};

pki::Certificate leaf_until(base::Time end, const std::string& name = "www.example.org") {
  return make_certificate({.names = {name}, .not_after = end, .common_name = "same issuer"});
}

}  // namespace

TEST_CASE("looks that show the same are no difference") {
  History history;
  const auto leaf = leaf_until(kNow + 60 * kDay);
  history.look(kBefore, "a:443", leaf, {"expiring"});
  history.look(kLater, "a:443", leaf, {"expiring"});
  CHECK(history.told() == Texts{});
}

TEST_CASE("a place is one entry, whatever changed there") {
  History history;
  history.look(kBefore, "a:443", leaf_until(kNow + 60 * kDay), {"weak-cipher"});
  history.look(kLater, "a:443", leaf_until(kNow + 2 * kDay), {"expiring"});
  history.look(kBefore, "b:443", leaf_until(kNow + 60 * kDay));
  history.look(kLater, "b:443", leaf_until(kNow + 90 * kDay));
  history.look(kLater, "c:443", leaf_until(kNow + 90 * kDay, "c.example.org"));
  const auto all = differences(history.store, {kSince, kLater});
  REQUIRE(all.size() == 3);
  CHECK(all[0].place.text() == "a:443");
  CHECK(all[0].is_worse());
  CHECK(all[0].text() ==
        "another certificate: ends sooner, 2026-11-20 instead of 2027-01-17; found: expiring; over: weak-cipher");
  CHECK(all[1].text() == "another certificate: ends 2027-02-16 instead of 2027-01-17");
  CHECK_FALSE(all[1].is_worse());
  CHECK(all[2].presence == Difference::Presence::appeared);
  CHECK(all[2].text() == "seen for the first time, ends 2027-02-16");
}

TEST_CASE("of one environment only its own places are told") {
  History history;
  for (const char* const environment : {"prod", "lab"}) {
    inventory::Look look;
    look.place.name = base::Untrusted(fmt::format("{}:443", environment));
    look.place.environment = environment;
    look.probe.at = kLater;
    look.certificates = std::vector{leaf_until(kNow + 90 * kDay, environment)};
    history.places.record(look);
  }
  CHECK(differences(history.store, {.since = kSince, .until = kLater}).size() == 2);
  const auto lab = differences(history.store, {.since = kSince, .until = kLater, .environment = "lab"});
  REQUIRE(lab.size() == 1);
  CHECK(lab[0].place.text() == "lab:443");
}

TEST_CASE("what came and went again in between is no difference") {
  History history;
  const auto leaf = leaf_until(kNow + 60 * kDay);
  history.look(kBefore, "a:443", leaf);
  history.look(kSince, "a:443", leaf_until(kNow + 2 * kDay), {"expiring"});
  history.look(kLater, "a:443", leaf);
  CHECK(history.told() == Texts{});
}

TEST_CASE("nodes behind one name that take turns are no difference once both were seen") {
  History history;
  const auto one = leaf_until(kNow + 60 * kDay);
  const auto other = leaf_until(kNow + 61 * kDay);
  history.look(kBefore, "cdn:443", one);
  history.look(kBefore + base::Seconds{60}, "cdn:443", other);
  history.look(kLater, "cdn:443", one);
  CHECK(history.told() == Texts{});
}

TEST_CASE("what is named no more is gone, and what nobody ever saw twice is not") {
  History history;
  const auto leaf = leaf_until(kNow + 60 * kDay);
  history.look(kBefore, "a:443", leaf, {"expiring"});
  history.look(kSince, "b:443", leaf);
  history.places.mark_gone("config", kLater, kLater);
  CHECK(history.told() == Texts{"a:443: nobody names it any more, or its address is another"});
}

TEST_CASE("a name that led nowhere for a while was found to, and did not go") {
  History history;
  const auto leaf = leaf_until(kNow + 60 * kDay);
  history.look(kBefore, "a:443", leaf, {}, "warning", "127.0.0.1:443");
  history.look(kBefore, "a:443", leaf, {"name-not-resolved"});
  history.look(kLater, "a:443", leaf, {}, "warning", "127.0.0.1:443");
  history.places.mark_gone_at("a:443", kLater, kLater);
  inventory::Findings(history.store).close_gone(kLater);
  CHECK(history.told() == Texts{"a:443: over: name-not-resolved"});
}

TEST_CASE("a finding that is known of is no news") {
  History history;
  const auto leaf = leaf_until(kNow + 60 * kDay);
  history.look(kBefore, "a:443", leaf);
  history.look(kLater, "a:443", leaf, {"self-signed"});
  CHECK(history.told() == Texts{"a:443: found: self-signed"});
  inventory::AcknowledgementRecord known;
  known.rule = "self-signed";
  known.place = history.places.named("a:443").at(0).id;
  known.until = kLater + kDay;
  inventory::Findings(history.store).acknowledge(known);
  CHECK(history.told() == Texts{});
}

TEST_CASE("a finding that was open and is graver now is worse, one that is milder is no news") {
  const auto leaf = leaf_until(kNow + 60 * kDay);
  History history;
  history.look(kBefore, "a:443", leaf, {"expiring"});
  history.look(kLater, "a:443", leaf, {"expiring"}, "critical");
  CHECK(history.told() == Texts{"a:443: worse: expiring is critical"});
  CHECK(differences(history.store, {kSince, kLater + kOneHour}).at(0).is_worse());
  History mild;
  mild.look(kBefore, "a:443", leaf, {"expiring"}, "critical");
  mild.look(kLater, "a:443", leaf, {"expiring"}, "warning");
  CHECK(mild.told() == Texts{});
}

TEST_CASE("what an acknowledgement covered is told again when it ended or the finding grew graver") {
  const auto leaf = leaf_until(kNow + 60 * kDay);
  const auto told = [&](base::Time until, const std::string& severity_now, bool renewed = false) {
    History history;
    history.look(kBefore, "a:443", leaf, {"expiring"});
    inventory::AcknowledgementRecord known;
    known.rule = "expiring";
    known.place = history.places.named("a:443").at(0).id;
    known.created = kBefore;
    known.until = until;
    known.severity = "warning";
    inventory::Findings(history.store).acknowledge(known);
    if (renewed) {
      known.created = kSince;
      known.until = kLater + kDay;
      inventory::Findings(history.store).acknowledge(known);
    }
    history.look(kLater, "a:443", leaf, {"expiring"}, severity_now);
    return history.told();
  };
  CHECK(told(kLater, "warning") == Texts{"a:443: no longer acknowledged: expiring"});
  CHECK(told(kLater + kDay, "warning") == Texts{});
  CHECK(told(kBefore + base::Seconds{1}, "warning") == Texts{});  // told by the difference before
  CHECK(told(kLater, "warning", true) == Texts{});
  CHECK(told(kLater + kDay, "critical") == Texts{"a:443: worse: expiring is critical"});
  CHECK(told(kLater, "critical") == Texts{"a:443: worse: expiring is critical"});
}

TEST_CASE("the first look behind the end of an acknowledgement tells that it ended, however long ago") {
  const auto leaf = leaf_until(kNow + 60 * kDay);
  History history;
  for (const char* name : {"a:443", "b:443"}) history.look(kBefore, name, leaf, {"expiring"});
  const auto acknowledge = [&](const char* place, base::Time until) {
    inventory::AcknowledgementRecord known;
    known.rule = "expiring";
    known.place = history.places.named(place).at(0).id;
    known.created = kBefore;
    known.until = until;
    known.severity = "warning";
    inventory::Findings(history.store).acknowledge(known);
  };
  acknowledge("a:443", kSince - base::Seconds{1});
  acknowledge("b:443", kSince - base::Seconds{1});
  CHECK(lapsed_since_looked_at(history.store, kSince - base::Seconds{2}).empty());
  const auto lapsed = lapsed_since_looked_at(history.store, kSince);
  CHECK(lapsed.size() == 2);
  history.look(kSince, "a:443", leaf, {"expiring"});
  CHECK(history.told() == Texts{});
  CHECK(history.told(lapsed) == Texts{"a:443: no longer acknowledged: expiring"});  // nobody looked at the other
  CHECK(lapsed_since_looked_at(history.store, kLater).size() == 1);
}

}  // namespace everseal::scan
