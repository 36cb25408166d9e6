#include "reconcile/fields.h"

#include "base/error.h"
#include "base/text.h"

#include <fmt/format.h>

namespace everseal::reconcile {

base::Name name_in(const base::Options& request, std::string_view field, std::string_view what) {
  return base::Name::parse(request.string(field), what);
}

std::vector<base::Name> names_in(const base::Options& request, std::string_view field, std::string_view what) {
  std::vector<base::Name> names;
  for (const std::string& text : request.strings(field)) names.push_back(base::Name::parse(text, what));
  return names;
}

pki::RevocationReason reason_in(const base::Options& request, std::string_view field) {
  const std::string text = request.string(field);
  if (const auto reason = pki::parse_revocation_reason(text)) return *reason;
  throw base::Error(base::Fault::usage, fmt::format("--{}: there is no reason '{}'", field, base::printable(text)),
                    "one of: unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, "
                    "cessationOfOperation, privilegeWithdrawn");
}

}  // namespace everseal::reconcile
