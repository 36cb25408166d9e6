// What several formats say of what an audit saw.
#pragma once

#include "report/audit.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::report {

using inventory::gravity;
using inventory::kSeverities;
Tone tone_of(std::string_view severity) noexcept;

inline bool counts(const AuditedFinding& finding) noexcept { return !finding.acknowledgement && !finding.in_baseline; }
// Of what counts at the place; "" where nothing does.
std::string_view gravest(const AuditedPlace& place) noexcept;
// The same of what is found about ends: "expired", "expiring", "authority-expiring" and their like.
std::string_view gravest_of_ends(const AuditedPlace& place) noexcept;
// Was there anything to be judged?
inline bool showed_certificates(const AuditedPlace& place) noexcept { return !place.certificates.empty(); }

// The certificate that a place is there for: the leaf; null where it showed none.
const inventory::CertificateRecord* leaf_of(const AuditedPlace& place) noexcept;
// The leaf or, in a file that holds none, what ends first.
const inventory::CertificateRecord* main_certificate(const AuditedPlace& place) noexcept;
std::optional<base::Time> earliest_end(const AuditedPlace& place) noexcept;

// How much of the certificate's life is left, 0 to 1.
double life_left(const inventory::CertificateRecord& certificate, base::Time now) noexcept;
// "63 days", "3 days ago".
std::string time_left(base::Time end, base::Time now);

// Raw.
std::vector<std::pair<std::string, std::string>> labels_of(const AuditedPlace& place);

// What further looks and a survey told of a server, in words: {"versions", "TLSv1.3, TLSv1.2"}. Raw.
struct OfferPart {
  std::string_view name;
  std::string text;
};
std::vector<OfferPart> parts_of(const AuditedOffer& offer);
// Was all asked for that it takes, or only what it does?
inline bool is_survey(const std::optional<AuditedOffer>& offer) noexcept {
  return offer && (!offer->versions.empty() || !offer->ciphers.empty() || !offer->groups.empty());
}

// Of a subject or issuer as RFC 4514 text. Raw, as the text is.
struct NameParts {
  std::string common;        // value of the first CN; "" without one
  std::string organization;  // of the first O
};
NameParts name_parts(std::string_view distinguished_name);
// What people call it: its CN, else its O, else all of it. Raw.
std::string short_name(std::string_view distinguished_name);

// "12 places", "1 place".
std::string counted(std::int64_t count, std::string_view singular, std::string_view plural);

// Of the head, by id. Borrows what its texts refer to.
class AuditedRules {
 public:
  AuditedRules() = default;
  explicit AuditedRules(std::span<const AuditedRule> rules);
  const AuditedRule* find(std::string_view id) const noexcept;
  // Does it only say that the place could not be looked at?
  bool is_failure(const AuditedFinding& finding) const noexcept;
  // How a place stands in a word: "failed" where it could not be looked at, the gravest severity that counts above a
  // notice, "known" where all that was found is acknowledged, else "ok".
  std::string_view state_of(const AuditedPlace& place) const noexcept;
  // What stays the same from run to run as long as it is the same finding: one line for a digest.
  std::string identity(const AuditedPlace& place, const AuditedFinding& finding) const;

 private:
  std::map<std::string_view, AuditedRule> rules_;
};

}  // namespace everseal::report
