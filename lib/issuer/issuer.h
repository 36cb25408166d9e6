// Who signs: one interface over every CA.
#pragma once

#include "authority/authority.h"
#include "base/name.h"
#include "base/options.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/time.h"
#include "base/variable.h"
#include "challenge/challenge.h"
#include "inventory/store.h"
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

// One certificate wanted. `managed` and `version` are recorded before the issuer is asked: an issuer that can tell,
// gives the same certificate for the same version again instead of another.
struct Request {
  Name managed;
  int version = 0;
  base::Bytes csr;  // DER, signed by the certificate's key
  std::vector<pki::Identifier> identifiers;
  pki::DistinguishedName subject;
  std::optional<std::string> profile;
  std::optional<base::Seconds> lifetime;
  std::optional<pki::Certificate> replaces;  // what this one follows, where the same issuer made it
  std::function<void(const std::string&)> tell = [](const std::string&) {};  // what happens right now, printable
};

struct Issued {
  std::vector<pki::Certificate> chain;  // as the issuer sent it; the leaf is in it
  std::vector<std::string> warnings;    // "the lifetime was cut to that of the CA"
};

// What became of a version that was begun.
enum class GivenUp { yes, is_signed };

// What an issuer says of when it wants a certificate renewed (RFC 9773).
struct RenewalInfo {
  struct Window {
    base::Time start, end;
    base::Untrusted explanation;  // a URL, or ""
  };
  std::optional<Window> window;  // absent: it says nothing
  base::Time ask_again;
};

// Who may ask for a revocation.
struct Revocation {
  const pki::Certificate& certificate;
  pki::RevocationReason reason = pki::RevocationReason::unspecified;
  std::optional<pki::Signer> key;  // the certificate's own, where it is here
  // Why it is revoked already, where that reason alone is to change.
  std::optional<pki::RevocationReason> earlier{};
};

// Used by one thread at a time. Errors: Error(denied) where the issuer refuses for good,
// Error(unreachable/timed_out/io) where it may succeed later.
class Issuer {
 public:
  virtual ~Issuer() = default;
  virtual Issued issue(const Request& request, base::Time now, std::stop_token stop) = 0;
  // Error(denied) where this issuer cannot revoke.
  virtual void revoke(const Revocation& revocation, base::Time now, std::stop_token stop) = 0;
  // Ends what issue() left unfinished for that version, which nobody asks for any more. is_signed: it is too late for
  // that, and issue() brings the certificate. Nothing to do where the kind keeps nothing of what it was asked.
  virtual GivenUp give_up(const Name& managed, int version, std::stop_token stop);
  // Only where the kind has it.
  virtual RenewalInfo renewal_info(const pki::Certificate& certificate, base::Time now, std::stop_token stop);
  // Does what issue() would, as far as that costs nothing here or there, and says what that was.
  virtual std::string rehearse(const Request& request, base::Time now, std::stop_token stop);
};

class Shared;

// What an issuer may use of its surroundings; outlives the issuer.
struct Surroundings {
  // An authority of this store, opened once with the operator's settings; for the kind `authority`.
  std::function<authority::Authority&(const Name&)> authority;
  inventory::Store& store;  // of the same thread
  Shared& shared;
  std::span<const challenge::Method> challenges;  // those of the config, by name
  std::function<base::Time()> clock;
  // Told what the clock of a CA shows, by the thread of the issuer; may be empty.
  std::function<void(base::Time)> peer_time{};
  // For issuers that name none; "": what the environment says.
  std::string proxy{};
  std::string proxy_password_file{};  // USER:PASSWORD; "": none
};

enum class RenewalInformation { none, offered };

struct Kind {
  std::string_view name;
  std::string_view summary;
  std::span<const base::Option> options;
  // `name`: the issuer's in the config.
  std::unique_ptr<Issuer> (*open)(const Name& name, const base::Options& options, const Surroundings& surroundings);
  RenewalInformation renewal_information = RenewalInformation::none;
  // What is wrong beyond the types of the options; as config::KindOptions::check.
  std::vector<std::string> (*check)(const base::Options& options, const Name& name,
                                    std::vector<std::string>& claims) = nullptr;
  std::span<const base::Variable> variables = {};  // that its program is told
};

std::span<const Kind* const> kinds();
const Kind* find_kind(std::string_view name) noexcept;

}  // namespace everseal::issuer
