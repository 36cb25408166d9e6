#include "pki/pem.h"

#include "discover/collector.h"
#include "discover/shape.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

enum class Meaning { nothing, certificate, trusted, pkcs7, key, encrypted_key };

Meaning meaning_of(std::string_view label) {
  constexpr std::array kCertificates = {"CERTIFICATE", "X509 CERTIFICATE"};
  constexpr std::array kKeys = {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"};
  constexpr std::array kSigned = {"PKCS7", "CMS", "PKCS #7 SIGNED DATA"};
  const auto is_in = [&](const auto& labels) { return std::ranges::find(labels, label) != labels.end(); };
  if (is_in(kCertificates)) return Meaning::certificate;
  if (label == "TRUSTED CERTIFICATE") return Meaning::trusted;
  if (is_in(kSigned)) return Meaning::pkcs7;
  if (is_in(kKeys)) return Meaning::key;
  if (label == "ENCRYPTED PRIVATE KEY") return Meaning::encrypted_key;
  return Meaning::nothing;  // requests, parameters, keys of other protocols
}

// A damaged BEGIN line says its label in part.
bool is_about_certificates(std::string_view label) {
  return meaning_of(label) != Meaning::nothing || label.starts_with("CERTIFICATE") || label.starts_with("TRUSTED CERT");
}

// OpenSSL's form for trust stores: a certificate with what it is trusted for behind it.
base::BytesView without_trust(base::BytesView der) {
  const std::optional<DerHeader> header = der_header(der);
  return header && header->size() <= der.size() ? der.first(header->size()) : der;
}

}  // namespace

void read_pem(base::BytesView octets, Collector& found) {
  const auto see = [&](pki::PemBlock&& block) {
    switch (meaning_of(block.label)) {
      case Meaning::nothing:
        return;
      case Meaning::certificate:
        if (shape_of(block.der) == Shape::pkcs7) return read_pkcs7(block.der, found);
        return found.certificate(block.der);
      case Meaning::trusted:
        found.is_trust_store();
        return found.certificate(without_trust(block.der));
      case Meaning::pkcs7:
        return read_pkcs7(block.der, found);
      case Meaning::key:
        if (block.der.empty()) return found.key(std::nullopt, {});  // encrypted as RFC 1421 has it
        return found.key(block.der);
      case Meaning::encrypted_key:
        return found.key(std::nullopt, {});
    }
  };
  const auto see_fault = [&](const pki::PemFault& fault) {
    if (!is_about_certificates(fault.label)) return;
    if (fault.label.find("CERTIFICATE") != std::string::npos) found.lost_certificate();
    found.trouble(fault.is_cut ? Reason::truncated : Reason::broken, fmt::format("line {}: {}", fault.line, fault.why));
  };
  found.is(Container::pem);
  pki::scan_pem(base::as_text(octets), see, see_fault);
}

}  // namespace everseal::discover
