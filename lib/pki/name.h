// Whom a certificate speaks for: identifiers (RFC 5280 section 4.2.1.6) and distinguished names (section 4.1.2.4).
#pragma once

#include "base/encoding.h"
#include "base/text.h"

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::pki {

enum class IdentifierKind { dns, ip, email, uri };
std::string_view to_string(IdentifierKind kind) noexcept;  // "dns", "ip", "email", "uri"

// A validated, normalised identifier. DNS: lower-case A-labels without a trailing dot, at most 253 octets and 63 a
// label, "*" only as the whole left-most label, at least two labels below it unless the name is a single label
// ("localhost"); IP: the canonical text of inet_ntop; e-mail: ASCII local part as written, host as DNS; URI: absolute,
// ASCII, with its scheme in lower case (a SPIFFE ID follows the SPIFFE-ID rules).
class Identifier {
 public:
  // Tells the kind by form: an IP literal (also in brackets), "scheme:...", "local@host", else DNS. IDN is converted to
  // A-labels (IDNA2008, UTS 46 non-transitional). Throws Error(usage) that names the rule.
  static Identifier parse(std::string_view text);
  static Identifier parse(IdentifierKind kind, std::string_view text);

  IdentifierKind kind() const noexcept { return kind_; }
  const std::string& text() const noexcept { return text_; }
  bool is_wildcard() const noexcept { return text_.starts_with("*."); }
  base::Bytes ip_octets() const;  // 4 or 16; Error(internal) for other kinds
  auto operator<=>(const Identifier&) const = default;

 private:
  Identifier(IdentifierKind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  IdentifierKind kind_;
  std::string text_;
};
// "www.example.org, 10.0.0.1"
std::string to_string(std::span<const Identifier> identifiers);
// Error(usage) unless it can be asked of a server as it stands (RFC 6066 section 3): a DNS name in the form above, no
// wildcard.
void require_server_name(std::string_view text);

// One SAN entry of a certificate or CSR as found: may be of a kind we do not name, malformed or hostile.
struct GeneralName {
  enum class Kind { dns, ip, email, uri, directory, other };
  Kind kind;
  base::Untrusted value;  // IP as text; directory as RFC 4514 text; other: "OID" or its tag
  auto operator<=>(const GeneralName&) const = default;
};
std::string_view to_string(GeneralName::Kind kind) noexcept;
// nullopt where it is of no kind that Everseal issues, or does not validate.
std::optional<Identifier> to_identifier(const GeneralName& name);
// Those of `names` that to_identifier reads, in their order.
std::vector<Identifier> identifiers_of(std::span<const GeneralName> names);

// RFC 9525: does a certificate with these SANs speak for `reference`? DNS: case-insensitive A-labels, "*" only as the
// whole left-most label and never for an IP or a single label; IP, URI and e-mail by equality. Never the CN.
bool matches(std::span<const GeneralName> presented, const Identifier& reference);
// The same with a wildcard reference, which only the equal wildcard satisfies: for "covers all that was asked for".
bool covers(std::span<const GeneralName> presented, std::span<const Identifier> references);

// An ordered list of RDNs of one attribute each, most significant first, as written in a certificate.
struct DistinguishedName {
  std::vector<std::pair<std::string, std::string>> rdns;  // short name ("CN", "O", "OU", "C", ...), value in UTF-8
  bool empty() const noexcept { return rdns.empty(); }
  // "C=DE, O=Acme, CN=x": comma separated, backslash escapes as in RFC 4514, read left to right as the order in the
  // certificate. Throws Error(usage): unknown attribute, length beyond RFC 5280's upper bounds, empty value, broken
  // UTF-8.
  static DistinguishedName parse(std::string_view text);
  // Reads back with parse where it holds nothing that parse refuses; control characters are written as hex pairs.
  std::string text() const;
  std::optional<std::string> first(std::string_view attribute) const;
  auto operator<=>(const DistinguishedName&) const = default;
};

// What an authority may speak for: RFC 5280 section 4.2.1.10. "example.org" (it and everything below), ".example.org"
// (only below); "10.0.0.0/8", "fd00::/8"; "email:example.org" or "@example.org" (mailboxes at that host),
// "email:.example.org" (at hosts below), "email:joe@example.org"; "uri:example.org" (URIs with that host),
// "uri:.example.org" (with hosts below).
struct NameConstraint {
  IdentifierKind kind;
  std::string text;  // normalised, without the prefix: "example.org", "10.0.0.0/8"
  // Throws Error(usage) that names the rule.
  static NameConstraint parse(std::string_view text);
  // Is everything that `identifier` speaks for inside? What permitted names are asked.
  bool contains(const Identifier& identifier) const;
  // Could something that `identifier` speaks for be inside? What excluded names are asked: "*.example.org" touches
  // "a.example.org", and a URI without a host touches every URI constraint.
  bool touches(const Identifier& identifier) const;
  auto operator<=>(const NameConstraint&) const = default;
};

}  // namespace everseal::pki
