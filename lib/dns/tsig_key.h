// The shared key of a name server (RFC 8945).
#pragma once

#include "base/secret.h"

#include <string>

namespace everseal::dns {

struct TsigKey {
  std::string name;       // without the trailing dot
  std::string algorithm;  // "hmac-sha256"
  base::Secret secret;    // base64
};

// As `tsig-keygen` writes it and BIND reads it: key "NAME" { algorithm A; secret "S"; };  Error(config) that says what
// is missing.
TsigKey parse_tsig_key(const base::Secret& text);

}  // namespace everseal::dns
