// What a CA's ACME directory said when it was asked last.
#pragma once

#include "inventory/store.h"

#include <string>
#include <vector>

namespace everseal::issuer {

// The setting that keeps the directory at `url`: "UNIX-TIME JSON".
std::string directory_setting(const std::string& url);
// Its names in CAA records (RFC 8555 section 7.1.1); empty where it was never asked, or says none.
std::vector<std::string> known_caa_identities(inventory::Store& store, const std::string& url);

}  // namespace everseal::issuer
