#include "system/pebble_or_skip.h"

#include <doctest/doctest.h>

namespace everseal::system {

std::optional<PebbleProgram> pebble_or_skip(PebbleNeed need) {
  const auto program = find_pebble();
  if (!program) {
    MESSAGE("SKIPPED: there is no pebble. tests/fetch-pebble says why");
    return std::nullopt;
  }
  if (need == PebbleNeed::newest && !program->at_least(2, 10)) {
    MESSAGE("SKIPPED: this needs pebble 2.10 or newer, here is " << program->version
                                                                 << ". tests/fetch-pebble says why");
    return std::nullopt;
  }
  return program;
}

}  // namespace everseal::system
