// Judges of what the DNS says of names: whether the next renewal will be let, and whether TLSA records hold.
#pragma once

#include "audit/criteria.h"
#include "audit/finding.h"
#include "dns/observed.h"
#include "pki/certificate.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::audit {

// An ACME CA that is to issue for a name, as the config has it.
struct Renewing {
  std::string issuer;                   // what the config calls it
  std::vector<std::string> identities;  // its names in CAA records; empty: not known
  std::string directory_host;           // which tells where they are not known: of letsencrypt.org
  std::string account;                  // URL of the account there; "": none yet
  std::string method;                   // how the name is proved: "dns-01"; "": nothing can
  bool is_first = true;                 // the others are asked where this one fails
};

// The rules about a name, breach of which keeps a CA from issuing.
std::vector<std::string_view> renewal_rules();

// `place`: the name, with the "*." of a wildcard. An issuer that is asked only when another fails is told as a warning.
std::vector<Finding> judge_name(const std::string& place, const dns::Observed& seen,
                                const std::vector<Renewing>& issuers, const Criteria& criteria);

// `chains`: what was served where the records are for, each leaf first.
std::vector<Finding> judge_tlsa(const std::string& place, const dns::Tlsa& seen,
                                const std::vector<std::vector<pki::Certificate>>& chains, const Criteria& criteria);

}  // namespace everseal::audit
