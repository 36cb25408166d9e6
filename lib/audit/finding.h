// What a rule found at a place.
#pragma once

#include "audit/rule.h"
#include "base/text.h"
#include "pki/digest.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::audit {

// Values of fields and the sentence may hold what a peer or a certificate says.
struct Finding {
  const Rule* rule;                             // never null; of rules()
  Severity severity;                            // an attribute: the finding stays the same one when it grows worse
  std::string place;                            // as the caller named it
  std::optional<pki::Fingerprint> certificate;  // that it is about, where it is about one
  // In a fixed order, without what is not known: {"subject", ...}, {"ends", "2026-12-05T00:00:00Z"}.
  std::vector<std::pair<std::string_view, base::Untrusted>> fields;
  base::Untrusted what;  // one line in plain words, the same in each run as long as nothing changes
};

// Findings of equal identity are the same finding, today and tomorrow.
std::string identity(const Finding& finding);

// One of each identity, the worst, in the order of the first; what was found at several addresses of one place.
std::vector<Finding> merge(std::vector<Finding> findings);

}  // namespace everseal::audit
