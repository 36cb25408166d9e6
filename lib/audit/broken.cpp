#include "audit/broken.h"

#include <algorithm>

namespace everseal::audit {

void report(std::vector<Broken> broken, std::string_view sentence, const pki::Certificate* about, Found& found,
            Severity most) {
  if (broken.empty()) return;
  std::ranges::stable_sort(broken, {}, [](const Broken& one) { return one.limit->level; });
  const Level worst = broken.front().limit->level;
  // What a strict demand forbids is not named a second time as not recommended.
  std::erase_if(broken, [worst](const Broken& one) { return one.limit->level != worst; });
  std::vector<std::string> values, demands;
  const auto keep = [](std::vector<std::string>& all, std::string one) {
    if (std::ranges::find(all, one) == all.end()) all.push_back(std::move(one));
  };
  for (const Broken& one : broken) {
    keep(values, one.value);
    keep(demands, fmt::format("{}, {} ({}{})", one.limit->programme, one.limit->source, one.limit->date,
                              one.limit->from ? ", from " + base::format_time(*one.limit->from).substr(0, 10) : ""));
  }
  Fields fields;
  for (const std::string& value : values) fields.emplace_back("value", ours(value));
  for (const std::string& demand : demands) fields.emplace_back("demand", ours(demand));
  const std::string what =
      fmt::format("{} {}: {} {}", sentence, fmt::join(values, ", "),
                  worst == Level::must ? "against" : "not recommended by", fmt::join(demands, "; "));
  if (worst == Level::must && most >= Severity::error) {
    found.add(std::move(fields), what, about);
  } else {
    found.add(Severity::notice, std::move(fields), what, about);
  }
}

}  // namespace everseal::audit
