#include "audit/world.h"

using namespace everseal;
using namespace everseal::audit;
using namespace everseal::audit::testing;

namespace {

Criteria in_days() {
  Criteria criteria;
  criteria.warning.exactly = 21 * kDay;
  criteria.critical.exactly = 3 * kDay;
  return criteria;
}

}  // namespace

TEST_CASE("a leaf is told at the second of its threshold and not before") {
  struct Row {
    const char* name;
    Seconds life, left;  // left: from now to notAfter
    Names expected;
    Criteria criteria{};
  };
  const Row rows[] = {
      {"90 days, a quarter and a second", 90 * kDay, 90 * kDay / 4 + kSecond, {}},
      {"90 days, a quarter", 90 * kDay, 90 * kDay / 4, {"expiring warning"}},
      {"90 days, seven days and a second", 90 * kDay, 7 * kDay + kSecond, {"expiring warning"}},
      {"90 days, seven days", 90 * kDay, 7 * kDay, {"expiring critical"}},
      {"47 days, an eighth and a second", 47 * kDay, 47 * kDay / 8 + kSecond, {"expiring warning"}},
      {"47 days, an eighth", 47 * kDay, 47 * kDay / 8, {"expiring critical"}},
      {"a year, 30 days and a second", 365 * kDay, 30 * kDay + kSecond, {}},
      {"a year, 30 days", 365 * kDay, 30 * kDay, {"expiring warning"}},
      {"six days, a third and a second", 6 * kDay, 2 * kDay + kSecond, {}},
      {"six days, a third", 6 * kDay, 2 * kDay, {"expiring warning"}},
      {"six days, a sixth and a second", 6 * kDay, kDay + kSecond, {"expiring warning"}},
      {"six days, a sixth", 6 * kDay, kDay, {"expiring critical"}},
      {"the last second", 90 * kDay, Seconds(0), {"expiring critical"}},
      {"a second later", 90 * kDay, -kSecond, {"expired critical"}},
      {"21 days on request and a second", 90 * kDay, 21 * kDay + kSecond, {}, in_days()},
      {"21 days on request", 90 * kDay, 21 * kDay, {"expiring warning"}, in_days()},
      {"3 days on request and a second", 90 * kDay, 3 * kDay + kSecond, {"expiring warning"}, in_days()},
      {"3 days on request", 90 * kDay, 3 * kDay, {"expiring critical"}, in_days()},
      {"the first second", 90 * kDay, 90 * kDay - kSecond, {}},
      {"a second before", 90 * kDay, 90 * kDay, {"not-yet-valid critical"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Certificate leaf = world().leaf_of(row.life);
    const Time now = leaf.not_after() - row.left;
    CHECK(found_in(sight_of_leaf(leaf, now), now, row.criteria) == row.expected);
  }
}

TEST_CASE("an intermediate that ends is told by itself, with its name, however long the leaf lasts") {
  const auto at = [](Seconds left) {
    pki::Template wanted = ca_template("Short issuing", key_of(KeyType::ecdsa_p256, 1));
    const Authority issuing{issue(lived(wanted, 1000 * kDay), world().root), key_of(KeyType::ecdsa_p256, 1)};
    const Time now = issuing.certificate.not_after() - left;
    const Certificate leaf =
        issue(lived(server_template("www.example.org", world().key), 300 * kDay, now - kDay), issuing);
    return std::pair(judge(sight({leaf, issuing.certificate}, now), {}, now), issuing.certificate.fingerprint());
  };
  struct Row {
    Seconds left;
    Names expected;
  };
  for (const auto& [left, expected] :
       {Row{30 * kDay + kSecond, {}}, Row{30 * kDay, {"authority-expiring warning"}},
        Row{7 * kDay + kSecond, {"authority-expiring warning"}}, Row{7 * kDay, {"authority-expiring critical"}},
        Row{Seconds(0), {"authority-expiring critical"}}, Row{-kSecond, {"authority-expired critical"}}}) {
    const auto [findings, fingerprint] = at(left);
    CAPTURE(left.count());
    CHECK(names_of(findings) == expected);
    if (expected.empty()) continue;
    CHECK(findings.front().certificate == fingerprint);
    CHECK(findings.front().what.raw().find("Short issuing") != std::string::npos);
  }
}

TEST_CASE("an authority of ours is told while it can still sign whole lives and bring its successor out") {
  const Certificate& authority = world().issuing.certificate;
  Criteria criteria;
  criteria.authorities = {{authority.fingerprint(), {.longest = 90 * kDay, .settle = 7 * kDay}}};
  constexpr Seconds kNeeded = 2 * 90 * kDay + 7 * kDay + 30 * kDay;
  const auto names_at = [&](Seconds left, Role role) {
    const Time now = authority.not_after() - left;
    Sight seen = sight({authority}, now);
    seen.role = role;
    seen.asked.clear();
    return found_in(seen, now, criteria);
  };
  CHECK(names_at(kNeeded + kSecond, Role::anchor).empty());
  CHECK(names_at(kNeeded, Role::anchor) == Names{"authority-expiring warning"});
  const Time now = authority.not_after() - kNeeded;
  CHECK(found_in(sight_of_leaf(world().leaf_of(90 * kDay, now - kDay), now), now, criteria) ==
        Names{"authority-expiring warning"});
}

TEST_CASE("a trust store is not told for what it will need no more, but for what has ended") {
  Certificate old = issue(lived(ca_template("Old", key_of(KeyType::ecdsa_p256, 1)), 10 * kDay), world().root);
  const auto names_at = [&](Time now) {
    Sight seen = sight({old, world().root.certificate}, now);
    seen.role = Role::anchor;
    seen.asked.clear();
    return found_in(seen, now);
  };
  CHECK(names_at(old.not_after()).empty());
  CHECK(names_at(old.not_after() + kSecond) == Names{"anchor-expired notice"});
}

TEST_CASE("three ends are told apart, and what is not known is absent") {
  const Time now = kNow;
  Sight seen = sight_of_leaf(world().leaf, now);
  CHECK(ends_of(seen).leaf == world().leaf.not_after());
  CHECK(ends_of(seen).earliest_sent == world().leaf.not_after());
  CHECK(ends_of(seen).path == world().leaf.not_after());

  const Certificate early = issue(lived(ca_template("Early", key_of(KeyType::ecdsa_p256, 5)), 2 * kDay), world().root);
  seen = sight({world().leaf, world().issuing.certificate, early}, now);
  CHECK(ends_of(seen).earliest_sent == early.not_after());
  CHECK(ends_of(seen).path == world().leaf.not_after());

  seen = sight({world().leaf}, now);
  CHECK(ends_of(seen).leaf == world().leaf.not_after());
  CHECK_FALSE(ends_of(seen).path);

  seen = sight({}, now);
  CHECK_FALSE(ends_of(seen).leaf);
  CHECK_FALSE(ends_of(seen).earliest_sent);
  CHECK(found_in(seen, now).empty());
}

TEST_CASE("an environment's severity stands for whatever the judge says") {
  const Certificate leaf = world().leaf_of(90 * kDay);
  Criteria criteria;
  criteria.severities = {{"expiring", Severity::notice}, {"expired", Severity::warning}};
  CHECK(found_in(sight_of_leaf(leaf, leaf.not_after()), leaf.not_after(), criteria) == Names{"expiring notice"});
  const Time later = leaf.not_after() + kSecond;
  CHECK(found_in(sight_of_leaf(leaf, later), later, criteria) == Names{"expired warning"});
}
