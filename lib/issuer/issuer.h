// Who signs: one interface over every CA.
#pragma once

#include "authority/authority.h"
#include "base/name.h"
#include "base/options.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/name.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::issuer {

using base::Name;

// One certificate wanted. `managed` and `version` are recorded before the issuer is asked: an issuer that can tell, gives the
// same certificate for the same version again instead of another.
struct Request {
  Name managed;
  int version = 0;
  base::Bytes csr;                             // DER, signed by the certificate's key
  std::vector<pki::Identifier> identifiers;
  pki::DistinguishedName subject;
  std::optional<std::string> profile;
  std::optional<base::Seconds> lifetime;
};

struct Issued {
  std::vector<pki::Certificate> chain;         // as the issuer sent it; the leaf is in it
  std::vector<std::string> warnings;           // "the lifetime was cut to that of the CA"
};

// Used by one thread at a time. Errors: Error(denied) where the issuer refuses for good, Error(unreachable/timed_out/io)
// where it may succeed later.
class Issuer {
 public:
  virtual ~Issuer() = default;
  virtual Issued issue(const Request& request, base::Time now, std::stop_token stop) = 0;
  // Error(denied) where this issuer cannot revoke.
  virtual void revoke(const pki::Certificate& certificate, pki::RevocationReason reason, base::Time now) = 0;
};

// What an issuer may use of its surroundings; outlives the issuer.
struct Surroundings {
  // An authority of this store, opened once with the operator's settings; for the kind `authority`.
  std::function<authority::Authority&(const Name&)> authority;
};

struct Kind {
  std::string_view name;
  std::string_view summary;
  std::span<const base::Option> options;
  std::unique_ptr<Issuer> (*open)(const base::Options& options, const Surroundings& surroundings);
};

std::span<const Kind* const> kinds();
const Kind* find_kind(std::string_view name) noexcept;

}  // namespace everseal::issuer
