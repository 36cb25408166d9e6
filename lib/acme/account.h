// An account at a CA: its key and its URL (RFC 8555 section 7.1.2).
#pragma once

#include "pki/signer.h"

#include <string>
#include <string_view>

namespace everseal::acme {

struct Account {
  pki::Signer key;
  std::string url;  // what `kid` says; the CA's own text
};

// The JSON Web Key Thumbprint of a public key (RFC 7638), base64url.
std::string thumbprint(const pki::Signer& key);
// TOKEN.THUMBPRINT (RFC 8555 section 8.1).
std::string key_authorization(std::string_view token, const pki::Signer& key);

}  // namespace everseal::acme
