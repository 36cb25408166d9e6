// What a test that needs Pebble begins with.
#pragma once

#include "system/pebble.h"

#include <optional>

namespace everseal::system {

enum class PebbleNeed {
  any,     // what Debian 12's 2.4 can do, too
  newest,  // renewal information, profiles, dns-account-01, dns-persist-01: 2.10
};
// find_pebble(); where none will do it says so, loudly, and the test ends: `const auto program = pebble_or_skip(...);
// if (!program) return;`
std::optional<PebbleProgram> pebble_or_skip(PebbleNeed need);

}  // namespace everseal::system
