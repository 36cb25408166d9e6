// What all tests of decisions share.
#pragma once

#include "base/name.h"
#include "base/time.h"

#include <string_view>

namespace everseal::plan {

inline const base::Time kNow = base::from_unix(1'800'000'000);

inline base::Name name(std::string_view text) { return base::Name::parse(text); }

}  // namespace everseal::plan
