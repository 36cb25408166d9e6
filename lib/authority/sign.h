// The one signing pipeline: every door (command line, issuer, later ACME and EST servers) comes through here.
//
// Request validated; template built from the profile, nothing taken from a CSR but its proved key and parsed names;
// policy of profile and authority over the finished template; name constraints of the whole chain; clamped to the
// chain; linted; signed; linted again as finished; certificate, serial, event and the version's binding in one
// transaction.
#pragma once

#include "authority/authority.h"
#include "base/error.h"
#include "pki/csr.h"

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace everseal::authority {

// The version of a managed certificate that a signature is for. Its row exists before; signing puts the certificate in
// the row, and a second request for the same version gets the same certificate.
struct Binding {
  Name managed;
  int version = 0;
};

struct Request {
  Name profile;
  // Whose key is certified: possession is proved either way.
  std::variant<pki::Csr, pki::Signer> key;
  // Empty: what the CSR asks for, and where it names none, its CN.
  std::vector<pki::Identifier> identifiers;
  // Empty: what the CSR asks for. An attribute that the profile does not allow is refused when it stands here, and left
  // out with a warning when only the CSR asks for it.
  pki::DistinguishedName subject;
  std::optional<base::Seconds> lifetime;  // the profile's where absent
  std::optional<Binding> binding;
};

enum class Outcome { signed_now, found };  // found: the binding had its certificate already

struct Signed {
  pki::Certificate leaf;
  Outcome outcome = Outcome::signed_now;
  std::vector<std::string> warnings;  // what was left out or shortened, with the rule
};
// Leaf and intermediates, without the root: what a server presents.
std::vector<pki::Certificate> full_chain(const Authority& authority, const pki::Certificate& leaf);

// Durable on return. Throws Error(denied) naming every rule that refuses, Error(usage) for an unknown profile,
// Error(not_found) for a binding without a row, Error(exists) for one whose certificate is another authority's or
// key's.
Signed sign(Authority& authority, const Request& request, Time now);

// The same for many, in groups of one transaction each; each request has its own outcome, in order.
using SignResult = std::expected<Signed, base::Error>;
std::vector<SignResult> sign_many(Authority& authority, std::span<const Request> requests, Time now);

}  // namespace everseal::authority
