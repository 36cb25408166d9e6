// What this installation adds to what everybody trusts: its authorities, and CA certificates that it knows of.
#pragma once

#include "audit/criteria.h"
#include "config/config.h"
#include "inventory/store.h"
#include "pki/certificate.h"
#include "pki/digest.h"

#include <map>
#include <string>
#include <vector>

namespace everseal::scan {

struct OwnAuthorities {
  std::vector<pki::Certificate> roots;             // that clients of this installation trust
  std::map<pki::Fingerprint, audit::Signs> signs;  // roots and intermediates
  std::vector<pki::Certificate> known;             // of whomever: they name what a chain lacks
};

OwnAuthorities own_authorities(inventory::Store& store, const config::Config& config);

// Where the CRL of each issuing key of the state lies, by its pin.
std::map<pki::Sha256, std::string> own_crls(inventory::Store& store);

}  // namespace everseal::scan
