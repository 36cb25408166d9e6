// What to-be-signed certificates and CRLs have in common (RFC 5280 sections 4.1 and 5.1).
#pragma once

#include "base/encoding.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/signer.h"

#include <utility>

namespace everseal::pki {

enum class Critical { no, yes };

// UTCTime from 1950 through 2049, GeneralizedTime otherwise, with seconds and "Z". Error(invalid) outside 0000 to 9999.
void write_time(der::Writer& out, base::Time time);
// Both forms, as RFC 5280 section 4.1.2.5 restricts them; Error(invalid) otherwise.
base::Time read_time(const der::Element& element);

// `body` writes what the extension says; `id` is the contents of its OBJECT IDENTIFIER.
template <class Body>
void write_extension(der::Writer& out, base::BytesView id, Critical critical, Body&& body) {
  out.nest(der::kSequence, [&] {
    out.value(der::kObjectId, id);
    if (critical == Critical::yes) {
      static constexpr std::uint8_t kTrue[] = {0xff};
      out.value(der::kBoolean, kTrue);
    }
    out.nest(der::kOctetString, std::forward<Body>(body));
  });
}

void write_authority_key_id(der::Writer& out, base::BytesView key_id);

// The signature AlgorithmIdentifier of Signer::sign: NULL parameters for RSA, none for the others (RFC 5758, RFC 8410).
void write_signature_algorithm(der::Writer& out, KeyType type);
// SEQUENCE { tbs, algorithm, signature over tbs }.
base::Bytes sign_tbs(base::BytesView tbs, const Signer& key);

// RFC 7093 section 2 method 1 over a SubjectPublicKeyInfo. Error(invalid) where that is malformed.
base::Bytes derive_key_id(base::BytesView public_key_info);
// The issuer's subject key identifier, octet for octet; derived where it has none.
base::Bytes issuer_key_id(const Certificate& issuer);

}  // namespace everseal::pki
