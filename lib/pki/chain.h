// Chains: put in order, checked, matched with a key.
#pragma once

#include "base/time.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/signer.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace everseal::pki {

// Leaf first, each followed by its issuer; certificates that belong to no path from the leaf are dropped, duplicates
// too. The leaf is the one that `key` belongs to, else the only one that issued no other; of several, the only one that
// is no CA. A cross-signed CA goes before its self-signed twin, the generation that ends last before the others. A
// self-signed root at the end of a longer chain is kept only with RootPolicy::keep. Throws Error(invalid) where no
// single leaf can be told, and for more than 100 certificates.
enum class RootPolicy { keep, drop };
std::vector<Certificate> order_chain(std::vector<Certificate> certificates, const Signer* key, RootPolicy root);

bool key_matches(const Signer& key, const Certificate& certificate);
// Was `certificate` signed by the key of `issuer`, and is the issuer's subject its issuer name? Nothing else is
// checked.
bool is_signed_by(const Certificate& certificate, const Certificate& issuer);

enum class Purpose { any, server, client };

// RFC 5280 section 6 with X509_V_FLAG_X509_STRICT, name constraints included. An answer, not an exception. Only
// self-issued anchors end a path. A certificate whose issuer has a CRL among `crls` is checked against it, the others
// are not.
struct Verdict {
  bool valid = false;
  int depth = 0;                  // of the certificate at fault
  std::string problem;            // "certificate has expired"; empty where valid
  std::vector<Certificate> path;  // leaf to anchor, where one was built
};
Verdict verify(const Certificate& leaf, std::span<const Certificate> untrusted, std::span<const Certificate> anchors,
               base::Time at, Purpose purpose, std::span<const Crl> crls = {});

}  // namespace everseal::pki
