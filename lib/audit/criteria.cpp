#include "audit/criteria.h"

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::audit {

base::Seconds Threshold::left_at(base::Seconds life) const noexcept {
  if (exactly) return *exactly;
  return std::min(life / (life < kShortLife ? short_parts : parts), most);
}

std::optional<Threshold> parse_threshold(std::string_view text, const Threshold& otherwise) {
  Threshold threshold = otherwise;
  if (text.starts_with("1/")) {
    const auto parts = base::parse_number<int>(text.substr(2));
    if (!parts || *parts < 2 || *parts > 1000) return std::nullopt;
    threshold.parts = *parts;
    return threshold;
  }
  threshold.exactly = base::parse_duration(text);
  if (!threshold.exactly) return std::nullopt;
  return threshold;
}

void check(const Criteria& criteria) {
  for (const auto& [id, severity] : criteria.severities) {
    if (find_rule(id) != nullptr) continue;
    std::vector<std::string> known;
    for (const Rule* const rule : rules()) known.emplace_back(rule->id);
    const auto near = base::nearest(id, known);
    throw base::Error(base::Fault::config, fmt::format("there is no rule \"{}\"", base::printable(id)),
                      near ? fmt::format("did you mean \"{}\"?", *near) : "`everseal audit --explain` lists the rules");
  }
}

}  // namespace everseal::audit
