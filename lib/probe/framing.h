// What a protocol puts around the octets of TLS while hands are shaken.
#pragma once

#include <string>
#include <string_view>

namespace everseal::probe {

// One connection's; not thread-safe.
class Framing {
 public:
  virtual ~Framing() = default;
  // One flight of TLS as it goes onto the wire.
  virtual std::string wrap(std::string_view tls) = 0;
  // Takes what came off the wire, in pieces of any size, and appends the TLS that is in it; false where it is broken.
  virtual bool unwrap(std::string_view came, std::string& tls) = 0;
};

}  // namespace everseal::probe
