// An authority, opened: the certificate it signs with, the chain above, its key, and what it may sign.
#pragma once

#include "authority/key_ring.h"
#include "authority/profile.h"
#include "base/file.h"
#include "base/secret.h"
#include "inventory/authorities.h"
#include "inventory/store.h"
#include "pki/certificate.h"
#include "pki/chain.h"
#include "pki/signer.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace everseal::authority {

// What the operator configured.
struct Settings {
  std::vector<Profile> profiles = builtin_profiles();
  // Why a profile that is none of these is none though it may be configured; "" where it is not. May be empty.
  std::function<std::string(const Name& profile)> why_unusable;
  Policy policy;                         // over all profiles
  std::vector<std::string> crl_urls;     // CRL distribution points, http
  std::vector<std::string> issuer_urls;  // where the intermediate can be fetched (AIA), http
  base::Seconds crl_lifetime = std::chrono::days{7};
  std::string problem;  // why it signs no certificate; "": it does. CRLs and revocations need no policy and go on
};
// Throws Error(config) where `settings` have a problem.
void require_usable(const Name& authority, const Settings& settings);
// Throws Error(config) where that profile is not usable, Error(usage) where there is none.
const Profile& profile_of(const Settings& settings, const Name& name);

// One name constraint set of a CA certificate. RFC 5280 section 4.2.1.10.
struct Constraints {
  std::vector<pki::NameConstraint> permitted;
  std::vector<pki::NameConstraint> excluded;
  // Some are of kinds that only building the chain can judge (directory names).
  bool has_others = false;
};
// Those of `certificate`. Throws Error(invalid) for a malformed extension.
Constraints read_constraints(const pki::Certificate& certificate);
// The refusal, where one of the constraints keeps `identifier` out; `owner` is the CA's name for the message.
std::optional<Refusal> check(const Constraints& constraints, std::string_view owner, const pki::Identifier& identifier);

// Holds the key and references to `store`; used by one thread at a time, as the store is. Each worker opens its own.
class Authority {
 public:
  // Opens the active generation of `name` in `store.state()`/authorities. Throws Error(not_found) for no such
  // authority, Error(denied) for one that still waits for its intermediate, Error(corrupt) where files and database
  // disagree, Error(invalid) for a wrong or missing passphrase.
  static Authority open(inventory::Store& store, const Name& name, Settings settings,
                        const base::Secret* passphrase = nullptr);
  // The same with a key of `keys`, which is opened there where it is not yet.
  static Authority open(inventory::Store& store, const Name& name, Settings settings, KeyRing& keys,
                        const PassphraseSource& passphrase);
  Authority(Authority&&) noexcept;
  ~Authority();

  const Name& name() const noexcept;
  int generation() const noexcept;
  const Settings& settings() const noexcept;
  inventory::Store& store() const noexcept;
  const pki::Certificate& certificate() const noexcept;  // the intermediate that signs
  const pki::Signer& signer() const noexcept;
  const std::vector<pki::Certificate>& chain() const noexcept;  // the intermediate and those above it, without the root
  const pki::Certificate& root() const noexcept;
  const base::Directory& directory() const noexcept;  // authorities/NAME

  // The shortest end of the chain, root included.
  Time ends() const noexcept;
  // Throws Error(denied) where a certificate of the chain is expired or not yet valid at `now`.
  void require_valid(Time now) const;

  struct State;
  State& state() const noexcept { return *state_; }  // for the files of this module

 private:
  explicit Authority(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace everseal::authority
