// Certificate revocation lists (RFC 5280 section 5).
#pragma once

#include "base/encoding.h"
#include "base/text.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/signer.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::pki {

// RFC 5280 section 5.3.1, without the ones that never stand in a CRL of ours.
enum class RevocationReason {
  unspecified = 0,
  key_compromise = 1,
  ca_compromise = 2,
  affiliation_changed = 3,
  superseded = 4,
  cessation_of_operation = 5,
  privilege_withdrawn = 9
};
std::string_view to_string(RevocationReason reason) noexcept;  // "keyCompromise"
// Camel case, snake case or the number.
std::optional<RevocationReason> parse_revocation_reason(std::string_view text) noexcept;
// May `reason` take the place of `earlier`, for which a certificate is revoked already? keyCompromise alone may: it
// also takes the trust from what was signed before (CA/Browser Forum Baseline Requirements, section 7.2.2).
constexpr bool is_graver(RevocationReason reason, RevocationReason earlier) noexcept {
  return reason == RevocationReason::key_compromise && earlier != RevocationReason::key_compromise;
}

struct RevokedEntry {
  std::string serial;  // hex as Certificate::serial()
  base::Time when;
  RevocationReason reason = RevocationReason::unspecified;
};

struct CrlRequest {
  std::uint64_t number;
  base::Time this_update;
  base::Time next_update;
  std::vector<RevokedEntry> entries;
};
// DER: v2, AKI = the issuer's SKI, no revokedCertificates where empty, no reason code 0. Throws Error(invalid) where
// the key is not the issuer's, the times run backwards or a serial is no positive number of at most 20 octets.
base::Bytes make_crl(const CrlRequest& request, const Certificate& issuer, const Signer& key);

inline constexpr std::size_t kLargestCrl = std::size_t{64} << 20;  // octets

// Of which certificates a CRL speaks (RFC 5280 section 5.2.5).
struct CrlScope {
  std::vector<std::string> points;  // URLs of the distribution points that it is for; empty: for all
  enum class Covers { all, users, authorities } covers = Covers::all;
  bool some_reasons = false;  // what it does not list may be revoked for another reason
  std::string beyond;         // why it tells nothing of any: "is a delta CRL"; "" where it does
};

struct Crl {
  base::Bytes der;
  base::Untrusted issuer;
  base::Bytes issuer_der;
  base::Time this_update;
  std::optional<base::Time> next_update;
  std::optional<std::uint64_t> number;  // absent also where it is 2^63 or more
  std::vector<RevokedEntry> entries;
  CrlScope scope;
  // PEM ("X509 CRL") or DER, at most kLargestCrl. Throws Error(invalid).
  static Crl parse(base::BytesView pem_or_der);
};
bool is_signed_by(const Crl& crl, const Certificate& issuer);
std::string crl_pem(base::BytesView der);

}  // namespace everseal::pki
