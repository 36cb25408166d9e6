#include "system/pebble_or_skip.h"

#include "skip.h"

#include <fmt/format.h>

namespace everseal::system {

std::optional<PebbleProgram> pebble_or_skip(PebbleNeed need) {
  const auto program = find_pebble();
  if (!program) {
    skip_test("there is no pebble. tests/fetch-pebble says why");
    return std::nullopt;
  }
  if (need == PebbleNeed::newest && !program->at_least(2, 10)) {
    // Only Debian sid has that one, and its archive may be out of reach.
    skip_test(fmt::format("this needs pebble 2.10 or newer, here is {}. tests/fetch-pebble says why", program->version),
              InCi::may_lack_it);
    return std::nullopt;
  }
  return program;
}

}  // namespace everseal::system
