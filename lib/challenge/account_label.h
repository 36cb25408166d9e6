// The label of an account in the DNS (draft-ietf-acme-dns-account-label).
#pragma once

#include "base/encoding.h"
#include "pki/digest.h"

#include <span>
#include <string>

namespace everseal::challenge {

inline std::string account_label(const std::string& account_url) {
  const pki::Sha256 digest = pki::sha256(base::as_bytes(account_url));
  return "_" + base::base32(std::span(digest).first(10));
}

}  // namespace everseal::challenge
