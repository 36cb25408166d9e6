// Moments that have passed, as people write them: "7d" ago, a day, or a time of RFC 3339.
#pragma once

#include "base/time.h"

#include <string>
#include <string_view>

namespace everseal::cli {

// Of a day its begin. `option` is named where the text is no time or one to come, in Error(usage).
base::Time begin_argument(const std::string& text, std::string_view option, base::Time now);
// Of a day its end; where that is to come, now.
base::Time end_argument(const std::string& text, std::string_view option, base::Time now);

}  // namespace everseal::cli
