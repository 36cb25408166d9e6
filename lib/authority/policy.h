// What may be certified: patterns over identifiers, the longest life and the key types, each refusal naming its rule.
#pragma once

#include "base/name.h"
#include "base/time.h"
#include "pki/issuance.h"
#include "pki/name.h"
#include "pki/signer.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::authority {

using base::Name;
using base::Time;

// "*": everything; "www.example.org": that name; "*.example.org": every name below example.org at any depth, wildcards
// included; "10.0.0.1", "10.0.0.0/8", "fd00::/8"; "bob@example.org", "*@example.org"; "spiffe://trust/web",
// "spiffe://trust/*": every URI that begins so and has no dot segments.
class Pattern {
 public:
  // Throws Error(config) that names the rule.
  static Pattern parse(std::string_view text);

  const std::string& text() const noexcept { return text_; }
  // Does the pattern hold all that `identifier` speaks for? For allow lists.
  bool contains(const pki::Identifier& identifier) const;
  // Does it hold any of it? "*.example.org" touches "www.example.org". For deny lists.
  bool touches(const pki::Identifier& identifier) const;

 private:
  enum class Form { everything, exact, dns_below, ip_range, email_host, uri_prefix };
  Pattern() = default;
  Form form_ = Form::everything;
  std::string text_;  // as written
  std::optional<pki::Identifier> exact_;
  std::optional<pki::NameConstraint> range_;
  std::string tail_;  // ".example.org", "@example.org", or the URI's beginning
};

// A rule that was broken: its name, and a sentence for people.
struct Refusal {
  std::string rule;     // "identifier-allowed"
  std::string message;  // "identifier evil.test: not in the allow list of profile device"
};
std::string to_string(std::span<const Refusal> refusals);  // "MESSAGE; MESSAGE"

struct Policy {
  std::vector<Pattern> allow;            // empty: everything
  std::vector<Pattern> deny;             // stronger than allow
  std::optional<base::Seconds> longest;  // from not_before to not_after, both included (RFC 5280 section 4.1.2.5)
  std::vector<pki::KeyType> keys;        // empty: every type that Everseal knows
};

// Every rule of `policy` that the finished template breaks; `owner` names it in the messages: "profile device".
std::vector<Refusal> check(const Policy& policy, std::string_view owner, const pki::Template& wanted, pki::KeyType key);
// The same lists over a common name that is no identifier of the certificate; text that is no identifier at all passes
// only without an allow list, or by "*".
std::optional<Refusal> check_common_name(const Policy& policy, std::string_view owner, const std::string& name);

}  // namespace everseal::authority
