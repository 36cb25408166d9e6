// Certificates that are looked at. Parsing leaves the public key alone (a library context with only the null provider:
// ten times cheaper on OpenSSL 3.0), so nothing here can check a signature: `chain.h` does.
#pragma once

#include "base/encoding.h"
#include "base/text.h"
#include "base/time.h"
#include "pki/digest.h"
#include "pki/key.h"
#include "pki/name.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::pki {

// A serial number as people and other programs write it: hexadecimal in any case, with or without "0x", colons, blanks
// and leading zeros. Gives the form of Certificate::serial(); nullopt where it is none, or longer than 64 octets.
std::optional<std::string> parse_serial(std::string_view text);

// Immutable; copies share. Accessors compute on first use where that costs, and are thread-safe.
class Certificate {
 public:
  // One DER certificate and nothing after it, at most 1 MiB. Throws Error(invalid).
  static Certificate parse(base::BytesView der);
  // Every CERTIFICATE block of a PEM text, or one DER certificate. Throws Error(invalid) where there is none.
  static std::vector<Certificate> parse_all(base::BytesView pem_or_der);

  const base::Bytes& der() const noexcept;
  std::string pem() const;
  const Fingerprint& fingerprint() const noexcept;

  std::string serial() const;       // lower-case hex of the magnitude, at least two digits, "-" if negative
  base::Untrusted subject() const;  // RFC 4514 text in the order of the certificate; "" where empty
  base::Untrusted issuer() const;
  DistinguishedName subject_name() const;  // attributes that we do not know keep their OID as name
  base::Bytes subject_der() const;
  base::Bytes issuer_der() const;
  base::Time not_before() const noexcept;
  base::Time not_after() const noexcept;
  const std::vector<GeneralName>& names() const;  // SANs
  base::Bytes public_key_info() const;            // DER
  PublicKeySummary public_key() const;
  Sha256 spki_pin() const;                  // SHA-256 of public_key_info (RFC 7469 section 2.4)
  std::string signature_algorithm() const;  // "ecdsa-with-SHA256"
  // "SHA-256", "SHA-1", "MD5"; empty where the algorithm has none of its own (Ed25519) or is not known.
  std::string signature_hash() const;
  bool is_ca() const noexcept;              // basicConstraints CA:TRUE
  std::optional<int> path_length() const noexcept;
  std::vector<std::string> key_usage() const;           // "digitalSignature", ... in RFC order
  std::vector<std::string> extended_key_usage() const;  // "serverAuth", "clientAuth", or the OID
  base::Bytes subject_key_id() const;                   // empty where absent
  base::Bytes authority_key_id() const;
  bool must_staple() const;  // TLS feature status_request (RFC 7633)
  std::vector<base::Untrusted> crl_urls() const;
  std::vector<base::Untrusted> ocsp_urls() const;
  std::vector<base::Untrusted> issuer_urls() const;  // AIA caIssuers
  bool is_self_issued() const;                       // subject equals issuer, DER compared
  base::Untrusted caption() const;                   // "www.example.org (serial 4f..)"
  std::string describe() const;                      // the same, printable

  bool operator==(const Certificate& other) const noexcept { return fingerprint() == other.fingerprint(); }

  struct Parsed;
  friend struct Looking;  // load.h

 private:
  explicit Certificate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace everseal::pki
