// Parts of HTML pages. All text that is given is escaped already (markup.h).
#pragma once

#include "base/time.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::report {

std::string html_time(base::Time time);  // <time>, to the day
std::string html_badge(std::string_view severity_class, std::string_view text);

// What share of a whole something has.
struct Share {
  std::string label;
  std::int64_t count = 0;
};
// A table with a bar a row, of which `what` is what the labels are and `counted` what is counted; nothing where there
// are no shares.
std::string html_shares(std::string_view caption, std::string_view what, std::string_view counted,
                        const std::vector<Share>& shares);

// One thing that ends.
struct End {
  std::string label;
  std::string left;  // "9 days"
  base::Time time;
  std::string severity_class;
};
// A time axis from `now` to the last end with a bar a row, the earliest first, as inline SVG.
std::string html_timeline(std::string_view caption, base::Time now, const std::vector<End>& ends);

}  // namespace everseal::report
