#include "audit/criteria.h"

#include <algorithm>

namespace everseal::audit {

base::Seconds Threshold::left_at(base::Seconds life) const noexcept {
  if (exactly) return *exactly;
  const base::Seconds share = life * part / of;
  return std::min(life < kShortLife ? std::max(share, life / short_of) : share, most);
}

}  // namespace everseal::audit
