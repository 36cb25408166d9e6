// A time as an auditor asks of it: each fact on both sides of its limits.
#include "scan/period.h"

#include "inventory/audit_runs.h"
#include "inventory/managed.h"
#include "inventory/places.h"
#include "inventory/support.h"

#include <doctest/doctest.h>

namespace everseal::scan {
namespace {

using inventory::kDay;
using inventory::kNow;
using inventory::make_certificate;
using Texts = std::vector<std::string>;

constexpr base::Seconds kASecond{1};
constexpr base::Time kFrom = kNow + 10 * kDay;
constexpr base::Time kUntil = kNow + 20 * kDay;

struct Archive : inventory::TestState {
  inventory::Places places{store};
  inventory::Findings findings{store};

  std::int64_t look(base::Time at, const std::string& name, const std::optional<pki::Certificate>& leaf,
                    const Texts& rules = {}) {
    inventory::Look look;
    look.place.name = base::Untrusted(name);
    look.place.source = "config";
    look.probe.at = at;
    if (leaf) look.certificates = std::vector{*leaf};
    for (const std::string& rule : rules) {
      inventory::FindingRecord finding;
      finding.rule = rule;
      finding.severity = "warning";
      finding.what = "it is so";
      look.findings.push_back(finding);
    }
    return places.record(look);
  }

  void audited(base::Time at, bool complete, const std::string& hash = "aa") {
    inventory::AuditRunRecord run;
    run.what = "3 endpoints";
    run.started = at;
    run.policy = "intermediate 6.0";
    run.policy_hash = hash;
    if (hash == "bb") run.by_environment = {{"lab", "modern 1.2", "cc"}, {"prod", "nist 1", "dd"}};
    run.actor = "alice";
    run.id = inventory::AuditRuns(store).begin(run);
    run.ended = at + kASecond;
    run.complete = complete;
    run.looked = 2;
    inventory::AuditRuns(store).end(run);
  }

  Period of(const config::Config& config = {}) { return period(store, config, kFrom, kUntil); }
  Texts rules_of(const Period& period, Within which) {
    Texts texts;
    each_finding(store, period, which, [&](const inventory::PlacedFinding& one) {
      texts.push_back(one.place.name.raw() + " " + one.finding.rule);
    });
    return texts;
  }
};

Texts texts_of(const std::vector<Standing>& all, base::Time when) {
  Texts texts;
  for (const Standing& one : all) {
    std::string text =
        fmt::format("{} {}", one.is_newest ? one.certificate.managed->text() : "seen", one.state_at(when));
    for (const auto& at : one.places) text += " " + at.place.name.raw();
    texts.push_back(text);
  }
  return texts;
}

bool covers(const Period& period, const std::string& what, const std::string& why) {
  for (const auto& one : period.uncovered)
    if (one.what.find(what) != std::string::npos && one.why.find(why) != std::string::npos) return false;
  return true;
}

}  // namespace

TEST_CASE("the inventory is what stood at a moment: neither what came later nor what was gone") {
  Archive archive;
  const auto first = make_certificate({.not_after = kUntil + kDay});
  const auto second = make_certificate({.not_after = kUntil + 90 * kDay});
  archive.look(kNow, "a:443", first);
  archive.look(kFrom, "a:443", first);
  archive.look(kUntil, "a:443", second);  // of the time behind
  CHECK(texts_of(stood_at(archive.store, kNow - kASecond), kNow) == Texts{});
  CHECK(texts_of(stood_at(archive.store, kNow), kNow) == Texts{"seen live a:443"});
  // Nobody looked between the last look that showed it and the first that showed another.
  auto stood = stood_at(archive.store, kUntil - kASecond);
  REQUIRE(stood.size() == 1);
  CHECK(stood[0].certificate.fingerprint == first.fingerprint());
  stood = stood_at(archive.store, kUntil + kDay);
  REQUIRE(stood.size() == 1);
  CHECK(stood[0].certificate.fingerprint == second.fingerprint());
  archive.places.mark_gone("config", kUntil + kDay, kUntil + 2 * kDay);
  CHECK(stood_at(archive.store, kUntil + kDay).size() == 1);
  CHECK(stood_at(archive.store, kUntil + 2 * kDay).empty());
}

TEST_CASE("of what is managed the newest version that was there stands, in the state of then") {
  Archive archive;
  const inventory::Name www = inventory::named("www");
  inventory::Managed(archive.store).put({.name = www});
  const auto add = [&](int number, base::Time at, base::Time end) {
    const auto certificate = make_certificate({.not_after = end});
    inventory::Certificates(archive.store).add(std::vector{certificate}, at);
    inventory::VersionRecord version;
    version.name = www;
    version.number = number;
    version.state = inventory::VersionState::issued;
    version.certificate = certificate.fingerprint();
    version.not_after = end;
    version.created = at;
    inventory::Versions(archive.store).put(version);
    return certificate;
  };
  const auto first = add(1, kNow, kFrom + kDay);
  const auto second = add(2, kFrom, kUntil + 90 * kDay);
  archive.look(kFrom, "a:443", second);
  CHECK(texts_of(stood_at(archive.store, kNow), kNow) == Texts{"www live"});
  CHECK(texts_of(stood_at(archive.store, kFrom - kASecond), kFrom + 2 * kDay) == Texts{"www expired"});
  CHECK(texts_of(stood_at(archive.store, kFrom), kFrom) == Texts{"www live a:443"});
  inventory::Certificates(archive.store).set_revoked(second.fingerprint(), kUntil, pki::RevocationReason::superseded);
  CHECK(texts_of(stood_at(archive.store, kFrom), kUntil - kASecond) == Texts{"www live a:443"});
  CHECK(texts_of(stood_at(archive.store, kFrom), kUntil) == Texts{"www revoked a:443"});
}

TEST_CASE("findings and exceptions are of the time that they stood in") {
  Archive archive;
  const auto leaf = make_certificate({});
  archive.look(kFrom - kASecond, "before:443", leaf, {"expiring"});
  archive.look(kFrom, "first:443", leaf, {"expiring"});
  archive.look(kUntil - kASecond, "first:443", leaf);
  const auto last = archive.look(kUntil - kASecond, "last:443", leaf, {"weak-key"});
  archive.look(kUntil, "last:443", leaf);
  archive.look(kUntil, "later:443", leaf, {"expiring"});
  const auto except = [&](base::Time created, base::Time until, const std::string& reason) {
    inventory::AcknowledgementRecord known;
    known.rule = reason;
    known.place = last;
    known.reason = reason;
    known.actor = "alice";
    known.created = created;
    known.until = until;
    archive.findings.acknowledge(known);
  };
  except(kNow, kFrom - kASecond, "over");
  except(kNow, kFrom, "just");
  except(kUntil - kASecond, kUntil + kDay, "late");
  except(kUntil, kUntil + kDay, "later");
  const Period all = archive.of();
  CHECK(archive.rules_of(all, Within::opened) == Texts{"first:443 expiring", "last:443 weak-key"});
  CHECK(archive.rules_of(all, Within::closed) == Texts{"first:443 expiring"});
  CHECK(archive.rules_of(all, Within::open_at_its_end) == Texts{"before:443 expiring", "last:443 weak-key"});
  Texts reasons;
  for (const auto& [known, place] : all.exceptions) reasons.push_back(known.actor + ": " + known.reason);
  CHECK(reasons == Texts{"alice: just", "alice: late"});
}

TEST_CASE("events of certificates are told with who did it, policies with their digests") {
  Archive archive;
  inventory::Events events(archive.store);
  archive.store.set_actor("alice");
  events.add("certificate.issued", "certificate/www", {{"version", "1"}}, kFrom - kASecond);
  events.add("certificate.issued", "certificate/www", {{"version", "2"}}, kFrom);
  events.add("certificate.revoked", "certificate/www", {{"version", "1"}}, kUntil - kASecond);
  events.add("clock.trusted", "store", {}, kFrom);
  events.add("certificate.issued", "certificate/www", {{"version", "3"}}, kUntil);
  archive.audited(kFrom - kASecond, true);
  archive.audited(kFrom, true);
  archive.audited(kFrom + kDay, true);
  archive.audited(kFrom + 2 * kDay, true, "bb");
  const Period all = archive.of();
  Texts told;
  for (const auto& event : all.events) told.push_back(event.actor + " " + event.action + " " + event.detail);
  CHECK(told == Texts{"alice certificate.issued {\"version\":\"2\"}", "alice certificate.revoked {\"version\":\"1\"}"});
  REQUIRE(all.policies.size() == 4);
  CHECK(all.policies[0].hash == "aa");
  CHECK(all.policies[0].runs == 2);
  CHECK(all.policies[1].first == kFrom + 2 * kDay);
  CHECK(all.policies[2].environment == "lab");
  CHECK(all.policies[2].policy == "modern 1.2");
  CHECK(all.policies[3].hash == "dd");
  CHECK(all.policies[3].runs == 1);
  CHECK(all.heads[1].number == 5);
}

TEST_CASE("what was not looked at is said with its reason") {
  Archive archive;
  const auto leaf = make_certificate({});
  CHECK_FALSE(covers(archive.of(), "everything", "no audit ran"));
  archive.audited(kFrom, true);
  archive.audited(kFrom + kDay, false);
  archive.look(kNow, "old.example.org:443", leaf);
  archive.look(kFrom, "fine.example.org:443", leaf);
  archive.look(kFrom, "down.example.org:443", std::nullopt, {"connection-refused"});
  config::Config config;
  config::Endpoint endpoint;
  endpoint.name = inventory::named("web");
  endpoint.targets = {"old.example.org", "fine.example.org", "never.example.org"};
  config.endpoints.emplace(endpoint.name, endpoint);
  const Period all = archive.of(config);
  CHECK(covers(all, "everything", ""));
  CHECK_FALSE(covers(all, "3 endpoints", "stopped after 2 places"));
  CHECK_FALSE(covers(all, "down.example.org:443", "connection-refused: it is so"));
  CHECK_FALSE(covers(all, "never.example.org:443", "was not looked at"));
  CHECK_FALSE(covers(all, "old.example.org:443", "last looked at"));
  CHECK(covers(all, "fine.example.org:443", ""));
}

}  // namespace everseal::scan
