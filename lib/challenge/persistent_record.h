// The TXT record of dns-persist-01 (draft-ietf-acme-dns-persist).
#pragma once

#include "base/time.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace everseal::challenge {

enum class Coverage { name, name_and_below };  // wildcards need the latter

// What the operator sets once: ISSUER-DOMAIN; accounturi=URL[; policy=wildcard].
std::string persistent_record(std::string_view issuer_domain, std::string_view account_url, Coverage coverage);

// Does a record that stands there let this account of one of these issuers prove it now?
bool permits(std::string_view record, std::span<const std::string> issuer_domains, std::string_view account_url,
             Coverage coverage, base::Time now);

}  // namespace everseal::challenge
