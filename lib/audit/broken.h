// What breaks the limits of the policies that bind a place. For audit only.
#pragma once

#include "audit/judge.h"

#include <string>
#include <vector>

namespace everseal::audit {

struct Broken {
  const Limit* limit;
  std::string value;  // "TLSv1", "RSA 1024"
};

// `holds` says of one value and one limit whether it is broken.
template <class Breaks>
std::vector<Broken> broken_limits(const Context& at, Limited limited, base::Time when,
                                  const std::vector<std::string>& values, Breaks breaks_limit) {
  std::vector<Broken> broken;
  for (const Policy& policy : at.criteria.policies)
    for (const Limit* const limit : policy.in_force(limited, when)) {
      if (limit->reach == Reach::public_chains && !at.is_public()) continue;
      for (const std::string& value : values)
        if (breaks_limit(*limit, value)) broken.push_back({limit, value});
    }
  return broken;
}
inline std::vector<Broken> broken_limits(const Context& at, Limited limited, base::Time when,
                                         const std::vector<std::string>& values) {
  return broken_limits(at, limited, when, values,
                       [](const Limit& limit, const std::string& value) { return breaks(limit, value); });
}

// One finding of all that is broken, as grave as the gravest, with whose demand it is. `sentence` goes before the
// values; `most`: no graver than this.
void report(std::vector<Broken> broken, std::string_view sentence, const pki::Certificate* about, Found& found,
            Severity most = Severity::critical);

}  // namespace everseal::audit
