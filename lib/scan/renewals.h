// The names that a renewal needs: who is to issue for them, and how they are proved.
#pragma once

#include "audit/names.h"
#include "base/name.h"
#include "challenge/challenge.h"
#include "config/config.h"
#include "inventory/store.h"

#include <span>
#include <string>
#include <vector>

namespace everseal::scan {

// A DNS name of a managed certificate that an ACME CA renews.
struct RenewedName {
  std::string text;  // "*.example.org"
  base::Name managed;
  std::string environment;
  std::string team;
  std::vector<audit::Renewing> issuers;  // in the order in which they are tried
  bool by_dns = false;                   // one of them looks for `_acme-challenge`

  std::string name() const;  // without the "*."
};

// Each name once, for the first certificate that has it. What a CA calls itself in CAA records it said in its
// directory, which is remembered since the last order. `configured`: the [challenge.NAME] tables. `environment`: only of this one; "": of
// all.
std::vector<RenewedName> renewed_names(const config::Config& config, std::span<const challenge::Method> configured,
                                       inventory::Store& store, const std::string& environment);

}  // namespace everseal::scan
