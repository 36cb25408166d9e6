#include "audit/rule.h"

#include "audit/judge.h"

#include <algorithm>
#include <vector>

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

}  // namespace everseal::audit
