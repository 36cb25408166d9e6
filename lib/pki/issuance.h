// The to-be-signed certificate and its signature: what an authority's pipeline ends with.
#pragma once

#include "base/encoding.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/name.h"
#include "pki/signer.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::pki {

// One that this module has no words for.
struct OtherExtension {
  std::string id;  // dotted decimals
  bool critical = false;
  base::Bytes value;  // DER, what the OCTET STRING of the extension holds
};

// Everything that will stand in a certificate; nothing is added behind the caller's back but what RFC 5280 derives:
// SKI, AKI, criticality, string types, UTCTime or GeneralizedTime.
struct Template {
  base::Bytes serial;  // 20 octets or less, positive; see random_serial()
  DistinguishedName subject;
  base::Bytes subject_der;  // used instead of `subject` where not empty (a cross-signed CA)
  std::vector<Identifier> identifiers;
  base::Bytes public_key_info;  // DER; taken as it is
  base::Time not_before;
  base::Time not_after;
  bool is_ca = false;
  std::optional<int> path_length;
  std::vector<std::string> key_usage;           // "digitalSignature", "keyEncipherment", "keyCertSign", "cRLSign", ...
  std::vector<std::string> extended_key_usage;  // "serverAuth", "clientAuth", or OIDs
  std::vector<NameConstraint> permitted;        // CA only
  std::vector<NameConstraint> excluded;
  std::vector<std::string> crl_urls;
  std::vector<std::string> issuer_urls;
  std::vector<OtherExtension> others;
};

// Signs under `issuer` (nullptr: self-signed, the issuer name is the subject). The issuer name is the issuer's subject
// octets. Returns DER. Thread-safe. Throws Error(invalid) for a template that cannot be encoded.
base::Bytes sign_certificate(const Template& wanted, const Certificate* issuer, const Signer& key);

// 159 random bits in 20 octets, positive, first octet not zero.
base::Bytes random_serial();

}  // namespace everseal::pki
