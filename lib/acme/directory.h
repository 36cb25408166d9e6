// What an ACME CA offers and where (RFC 8555 section 7.1.1).
#pragma once

#include "base/text.h"

#include <map>
#include <string>
#include <string_view>

namespace everseal::acme {

struct Directory {
  std::string new_nonce, new_account, new_order, revoke_certificate, key_change;
  std::string renewal_info;      // RFC 9773; "" where the CA has none
  std::string terms_of_service;  // "" where there are none
  bool external_account_required = false;
  std::map<std::string, base::Untrusted> profiles;  // name -> description
};

// Throws Error(invalid) where a resource is missing that every CA has.
Directory parse_directory(std::string_view json);

}  // namespace everseal::acme
