// CSRs that others hand in, signed by an authority of this store.
#pragma once

#include "authority/sign.h"
#include "base/encoding.h"
#include "reconcile/verb.h"

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace everseal::reconcile {

struct CaSignRequest {
  Name authority;
  Name profile;
  std::optional<base::Seconds> lifetime;  // the profile's where absent
  std::size_t count = 0;                  // of CSRs
  // The octets of the `index`th CSR, PEM or DER; a base::Error is that one's failure. The store is open meanwhile, so
  // it waits for nobody.
  std::function<base::Bytes(std::size_t index)> csr;
};

struct SignedCsr {
  pki::Certificate leaf;
  std::string chain;                  // leaf and intermediates, PEM
  std::vector<std::string> warnings;  // what was left out or shortened, with the rule
};
// What came of the `index`th CSR. A certificate is durable in the store before it is told of.
using TellSigned = std::function<void(std::size_t index, std::expected<SignedCsr, base::Error> result)>;

// Signs in groups, each committed at once, and tells of every CSR exactly once, those of one group in any order. Needs
// the store alone. Throws where nothing could be signed: Error(not_found) for no such authority, Error(clock), ...; an
// Error that `tell` throws ends it.
void ca_sign(const Host& host, const CaSignRequest& request, const TellSigned& tell);

extern const Verb ca_sign_verb;
// What the verb's fields ask for, without CSRs. Error(usage).
CaSignRequest ca_sign_request(const base::Options& fields);

}  // namespace everseal::reconcile
