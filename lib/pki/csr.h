// PKCS#10 certificate signing requests (RFC 2986).
#pragma once

#include "base/encoding.h"
#include "pki/key.h"
#include "pki/name.h"

#include <span>
#include <string>
#include <vector>

namespace everseal::pki {

struct CsrRequest {
  DistinguishedName subject;
  std::vector<Identifier> identifiers;
};
// DER, signed by `key`. Throws Error(invalid) where there is neither subject nor identifier, or the subject cannot be
// encoded.
base::Bytes make_csr(const CsrRequest& request, const Signer& key);

inline constexpr std::size_t kLargestCsr = std::size_t{256} << 10;  // octets

// A CSR that somebody handed in, parsed and its proof of possession checked.
struct Csr {
  base::Bytes der;
  base::Bytes public_key_info;  // DER, untouched
  PublicKeySummary public_key;
  DistinguishedName subject;            // unknown attributes keep their OID as name
  std::vector<GeneralName> names;       // requested SANs
  std::vector<std::string> extensions;  // names or OIDs of requested extensions other than the SAN
  bool asks_for_ca = false;

  // PEM ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST") or DER, at most kLargestCsr. Throws Error(invalid) with the
  // rule: broken DER, bad self-signature, duplicate extension, more than one block, more than 1000 names.
  static Csr parse(base::BytesView pem_or_der);
};
// The SubjectPublicKeyInfo in a DER request that was made here or parsed before: nothing else is looked at.
base::Bytes public_key_info_in(base::BytesView csr);
std::string csr_pem(base::BytesView der);

}  // namespace everseal::pki
