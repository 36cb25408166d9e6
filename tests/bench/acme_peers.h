// Other ACME clients, where they are installed, with an account at a Pebble.
#pragma once

#include "bench/measure.h"
#include "system/pebble.h"

#include <functional>
#include <optional>
#include <string>

namespace everseal::bench {

struct AcmePeer {
  std::string name;
  std::function<Usage(const std::string& host)> issue;
  std::function<Usage(const std::string& host)> look;  // at a host whose certificate is not due
};

// Both keep what they have below `directory`. Where one cannot be measured it is said why.
std::optional<AcmePeer> lego(const system::Pebble& pebble, const std::string& directory);
// Answers no challenge: for a Pebble that validates nothing.
std::optional<AcmePeer> uacme(const system::Pebble& pebble, const std::string& directory);

}  // namespace everseal::bench
