#include "audit/rule.h"

#include "audit/criteria.h"
#include "base/error.h"

#include <algorithm>
#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::audit;

TEST_CASE("every rule has a stable name, a summary, a meaning, a remedy and a source") {
  std::set<std::string_view> ids;
  for (const Rule* const rule : rules()) {
    CAPTURE(std::string(rule->id));
    CHECK(ids.insert(rule->id).second);
    CHECK(std::ranges::all_of(rule->id,
                              [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || (c >= '0' && c <= '9'); }));
    CHECK(rule->summary.size() > 10);
    CHECK(rule->summary.size() < 80);
    CHECK(rule->meaning.ends_with("."));
    CHECK(rule->remedy.ends_with("."));
    CHECK_FALSE(rule->source.empty());
    CHECK(find_rule(rule->id) == rule);
  }
  CHECK(ids.size() > 20);
  CHECK(find_rule("no-such-rule") == nullptr);
}

TEST_CASE("a severity is read as it is written, and nothing else") {
  for (const Severity severity : {Severity::notice, Severity::warning, Severity::error, Severity::critical})
    CHECK(parse_severity(to_string(severity)) == severity);
  for (const char* const wrong : {"", "Error", "errors", "info", "warn"}) CHECK_FALSE(parse_severity(wrong));
  CHECK(Severity::notice < Severity::warning);
  CHECK(Severity::error < Severity::critical);
}

TEST_CASE("a threshold is a share of the life or a time") {
  constexpr base::Seconds kLong = 90 * kDay, kShort = 6 * kDay;
  struct Row {
    const char* text;
    base::Seconds of_long, of_short;
  };
  for (const auto& [text, of_long, of_short] :
       {Row{"1/4", kLong / 4, kShort / 3}, Row{"1/2", 30 * kDay, kShort / 3}, Row{"1/10", 9 * kDay, kShort / 3},
        Row{"21d", 21 * kDay, 21 * kDay}, Row{"36h", base::Seconds(129'600), base::Seconds(129'600)}}) {
    CAPTURE(text);
    const auto threshold = parse_threshold(text, kWarnAt);
    REQUIRE(threshold);
    CHECK(threshold->left_at(kLong) == of_long);
    CHECK(threshold->left_at(kShort) == of_short);
  }
  for (const char* const wrong : {"", "1/", "1/1", "1/0", "1/-4", "2/4", "0.25", "1/4 ", "1/1001", "21", "-1d", "d"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_threshold(wrong, kWarnAt));
  }
  CHECK(kWarnAt.left_at(10 * kDay) == 10 * kDay / 4);
  CHECK(kWarnAt.left_at(10 * kDay - base::Seconds(1)) == (10 * kDay - base::Seconds(1)) / 3);
  CHECK(kWarnAt.left_at(120 * kDay) == 30 * kDay);
  CHECK(kWarnAt.left_at(365 * kDay) == 30 * kDay);
  CHECK(kCriticalAt.left_at(56 * kDay) == 7 * kDay);
  CHECK(kCriticalAt.left_at(6 * kDay) == kDay);
}

TEST_CASE("a severity for a rule that does not exist is refused with the nearest that does") {
  Criteria criteria;
  criteria.severities = {{"expired", Severity::notice}};
  CHECK_NOTHROW(check(criteria));
  criteria.severities = {{"expird", Severity::notice}};
  try {
    check(criteria);
    FAIL("accepted");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::config);
    CHECK(error.text() == "there is no rule \"expird\" (did you mean \"expired\"?)");
  }
}
