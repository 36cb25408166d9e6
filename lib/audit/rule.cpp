#include "audit/rule.h"

#include "audit/judge.h"
#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace everseal::audit {
namespace {

constexpr std::string_view kSeverities[] = {"notice", "warning", "error", "critical"};

}  // namespace

std::string_view to_string(Severity severity) noexcept { return kSeverities[static_cast<std::size_t>(severity)]; }

std::optional<Severity> parse_severity(std::string_view text) noexcept {
  const auto* const found = std::ranges::find(kSeverities, text);
  if (found == std::end(kSeverities)) return std::nullopt;
  return static_cast<Severity>(found - kSeverities);
}

std::span<const Rule* const> rules() {
  static const std::vector<const Rule*> all = [] {
    std::vector<const Rule*> made;
    for (const auto table : judges())
      for (const Judge& judge : table) made.push_back(&judge.rule);
    return made;
  }();
  return all;
}

const Rule* find_rule(std::string_view id) noexcept {
  const auto all = rules();
  const auto found = std::ranges::find(all, id, &Rule::id);
  return found == all.end() ? nullptr : *found;
}

const Rule& require_rule(const std::string& id) {
  if (const Rule* const rule = find_rule(id)) return *rule;
  std::vector<std::string> known;
  for (const Rule* const rule : rules()) known.emplace_back(rule->id);
  const auto near = base::nearest(id, known);
  throw base::Error(
      base::Fault::usage, fmt::format("no rule is called '{}'", base::printable(id.substr(0, 80))),
      near ? fmt::format("did you mean '{}'?", *near) : fmt::format("the rules are {}", base::join(known, ", ")));
}

}  // namespace everseal::audit
