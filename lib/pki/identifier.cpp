#include "base/error.h"
#include "pki/name.h"

#include <algorithm>
#include <array>
#include <memory>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <idn2.h>

namespace everseal::pki {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kLongestDns = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestUri = 2048;
constexpr std::size_t kLongestLocalPart = 64;
constexpr std::size_t kLongestInput = 4096;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_alpha(char c) noexcept { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return (c & 0x80) == 0; });
}
bool is_one_of(char c, std::string_view set) noexcept { return set.find(c) != std::string_view::npos; }

[[noreturn]] void reject(std::string_view kind, std::string_view text, std::string_view rule, std::string hint = {}) {
  throw Error(Fault::usage, fmt::format("\"{}\" is no {}: {}", base::printable(text.substr(0, 300)), kind, rule),
              std::move(hint));
}

// U-labels to A-labels (IDNA2008 with UTS 46, non-transitional); A-labels are checked on the way.
std::string to_a_labels(std::string_view name, std::string_view whole) {
  if (!base::is_utf8(name)) reject("DNS name", whole, "it is not UTF-8");
  const std::string text(name);
  std::uint8_t* converted = nullptr;
  const int result = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(text.c_str()), &converted,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, decltype(&idn2_free)> owner(converted, idn2_free);
  if (result != IDN2_OK) reject("DNS name", whole, idn2_strerror(result));
  return base::lower(reinterpret_cast<const char*>(converted));
}

void check_label(std::string_view label, std::string_view whole) {
  const auto allowed = [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '_'; };
  if (label.empty()) reject("DNS name", whole, "it has an empty label");
  if (label.size() > kLongestLabel) reject("DNS name", whole, "a label is longer than 63 octets");
  if (!std::ranges::all_of(label, allowed))
    reject("DNS name", whole, "labels hold letters, digits and hyphens only",
           label.find('*') != std::string_view::npos ? "\"*\" may only be the whole left-most label" : "");
  if (label.front() == '-' || label.back() == '-') reject("DNS name", whole, "a label begins or ends with a hyphen");
}

std::string normalise_dns(std::string_view whole) {
  constexpr std::string_view kWildcard = "*.";
  std::string_view rest = whole;
  if (rest.empty()) reject("DNS name", whole, "it is empty");
  // libidn2 reads up to a NUL, so none may come that far.
  if (std::ranges::any_of(rest, [](char c) { return (c >= 0 && c <= ' ') || c == 0x7f; }))
    reject("DNS name", whole, "it holds a blank or control character");
  const bool wildcard = rest.starts_with(kWildcard);
  if (wildcard) rest.remove_prefix(kWildcard.size());
  if (rest.ends_with('.')) rest.remove_suffix(1);
  std::string name = base::lower(rest);
  if (!is_ascii(rest) || name.starts_with("xn--") || name.find(".xn--") != std::string::npos)
    name = to_a_labels(rest, whole);
  const std::vector<std::string> labels = base::split(name, '.');
  for (const std::string& label : labels) check_label(label, whole);
  if (std::ranges::all_of(labels.back(), is_digit))
    reject("DNS name", whole, "its last label is all digits", "is it meant to be an IP address?");
  if (wildcard && labels.size() < 2) reject("DNS name", whole, "a wildcard needs two labels below it");
  if (wildcard) name.insert(0, kWildcard);
  if (name.size() > kLongestDns) reject("DNS name", whole, "it is longer than 253 octets");
  return name;
}

base::Bytes ip_from_text(std::string_view text) {
  const std::string copy(text);
  if (base::has_nul(copy)) return {};
  base::Bytes octets(16);
  if (::inet_pton(AF_INET6, copy.c_str(), octets.data()) == 1) return octets;
  octets.resize(4);
  if (::inet_pton(AF_INET, copy.c_str(), octets.data()) == 1) return octets;
  return {};
}

std::string ip_to_text(base::BytesView octets) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(octets.size() == 4 ? AF_INET : AF_INET6, octets.data(), text.data(), text.size());
  return text.data();
}

std::string_view without_brackets(std::string_view text) noexcept {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' ? text.substr(1, text.size() - 2) : text;
}

std::string normalise_ip(std::string_view whole) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const std::string_view text = without_brackets(whole);
  if (text.find('%') != std::string_view::npos) reject("IP address", whole, "a scope id means nothing to others");
  const base::Bytes octets = ip_from_text(text);
  if (octets.empty()) reject("IP address", whole, "it is not written as one");
  if (octets.size() == 4 && text.size() != whole.size()) reject("IP address", whole, "brackets are for IPv6");
  if (octets.size() == 16 && std::equal(kMapped.begin(), kMapped.end(), octets.begin()))
    reject("IP address", whole, "it is an IPv4 address mapped to IPv6", "write the IPv4 address");
  return ip_to_text(octets);
}

std::string normalise_email(std::string_view whole) {
  const std::size_t at = whole.find('@');
  if (at == std::string_view::npos || whole.find('@', at + 1) != std::string_view::npos)
    reject("e-mail address", whole, "it must hold one \"@\"");
  const std::string_view local = whole.substr(0, at);
  const auto atom = [](char c) { return is_alpha(c) || is_digit(c) || is_one_of(c, ".!#$%&'*+-/=?^_`{|}~"); };
  if (local.empty() || local.size() > kLongestLocalPart)
    reject("e-mail address", whole, "the part before \"@\" is 1 to 64 characters");
  if (!std::ranges::all_of(local, atom) || local.front() == '.' || local.back() == '.' ||
      local.find("..") != std::string_view::npos)
    reject("e-mail address", whole, "the part before \"@\" is ASCII atoms joined by single dots (RFC 5322 dot-atom)");
  const std::string host = normalise_dns(whole.substr(at + 1));
  if (host.starts_with('*')) reject("e-mail address", whole, "its host is a wildcard");
  return fmt::format("{}@{}", local, host);
}

void check_spiffe(std::string_view rest, std::string_view whole) {
  if (!rest.starts_with("//")) reject("SPIFFE ID", whole, "it must begin with spiffe://");
  rest.remove_prefix(2);
  const std::size_t slash = rest.find('/');
  const std::string_view domain = rest.substr(0, slash);
  const auto in_domain = [](char c) { return is_lower(c) || is_digit(c) || is_one_of(c, "._-"); };
  const auto in_path = [](char c) { return is_alpha(c) || is_digit(c) || is_one_of(c, "._-"); };
  if (domain.empty() || domain.size() > 255 || !std::ranges::all_of(domain, in_domain))
    reject("SPIFFE ID", whole, "the trust domain holds lower-case letters, digits, dots, hyphens and underscores only",
           "a port, user, query or fragment is not allowed");
  if (slash == std::string_view::npos) return;
  for (const std::string& segment : base::split(rest.substr(slash + 1), '/')) {
    if (segment.empty() || segment == "." || segment == "..")
      reject("SPIFFE ID", whole, "a path segment is empty, \".\" or \"..\"");
    if (!std::ranges::all_of(segment, in_path))
      reject("SPIFFE ID", whole, "path segments hold letters, digits, dots, hyphens and underscores only");
  }
}

// "user@host:port" without user and port; brackets of an IPv6 literal stay.
std::string_view host_of(std::string_view authority) noexcept {
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    return close == std::string_view::npos ? std::string_view() : authority.substr(0, close + 1);
  }
  return authority.substr(0, authority.find(':'));
}

std::optional<std::string_view> authority_of(std::string_view uri) noexcept {
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos || uri.substr(colon + 1, 2) != "//") return std::nullopt;
  const std::string_view rest = uri.substr(colon + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

bool is_scheme(std::string_view text) noexcept {
  const auto allowed = [](char c) { return is_alpha(c) || is_digit(c) || is_one_of(c, "+-."); };
  return !text.empty() && is_alpha(text.front()) && std::ranges::all_of(text, allowed);
}

std::string normalise_uri(std::string_view whole) {
  const std::size_t colon = whole.find(':');
  if (colon == std::string_view::npos || !is_scheme(whole.substr(0, colon)))
    reject("URI", whole, "it must be absolute (scheme:...)");
  if (whole.size() > kLongestUri) reject("URI", whole, "it is longer than 2048 octets");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const char c = whole[i];
    if (c <= ' ' || c >= 0x7f || is_one_of(c, "\"<>\\^`{|}"))
      reject("URI", whole, "it holds a character that must be percent-encoded");
    if (c == '%' && (i + 2 >= whole.size() || !is_hex(whole[i + 1]) || !is_hex(whole[i + 2])))
      reject("URI", whole, "\"%\" must be followed by two hexadecimal digits");
  }
  const std::string scheme = base::lower(whole.substr(0, colon));
  const std::string_view rest = whole.substr(colon + 1);
  if (rest.empty()) reject("URI", whole, "nothing follows its scheme");
  if (scheme == "spiffe") check_spiffe(rest, whole);
  // RFC 5280 section 4.2.1.6: an authority names a host.
  if (const auto authority = authority_of(whole); authority && host_of(*authority).empty())
    reject("URI", whole, "it has \"//\" but no host");
  return fmt::format("{}:{}", scheme, rest);
}

// Told apart from a URI whose scheme would be the host or the first group of an address.
void reject_near_misses(std::string_view text, std::string_view scheme, std::string_view rest) {
  const auto in_ip = [](char c) { return is_hex(c) || c == ':' || c == '.'; };
  const std::string_view address = text.substr(0, text.find('%'));
  if (std::ranges::count(address, ':') >= 2 && std::ranges::all_of(address, in_ip)) normalise_ip(text);
  if (!rest.empty() && std::ranges::all_of(rest, is_digit))
    reject("identifier", text, "a certificate names a host, not a port",
           fmt::format("write \"{}\"", base::printable(scheme)));
  for (const std::string_view prefix : {"dns", "ip", "email", "uri"})
    if (base::lower(scheme) == prefix)
      reject("identifier", text, "the kind is told by the form", fmt::format("write the name without \"{}:\"", prefix));
}

Error unknown(std::string_view text, std::string_view rule) {
  return Error(Fault::usage,
               fmt::format("\"{}\" is no name constraint: {}", base::printable(text.substr(0, 300)), rule));
}

std::string normalise_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(without_brackets(text.substr(0, slash)));
  base::Bytes octets = ip_from_text(address);
  if (octets.empty()) throw unknown(text, "the address is not written as one");
  std::size_t bits = octets.size() * 8;
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    if (length.empty() || length.size() > 3 || !std::ranges::all_of(length, is_digit) ||
        static_cast<std::size_t>(std::stoi(std::string(length))) > bits)
      throw unknown(text, "the prefix length does not fit the address");
    bits = static_cast<std::size_t>(std::stoi(std::string(length)));
  }
  const base::Bytes written = octets;
  for (std::size_t bit = bits; bit < octets.size() * 8; ++bit)
    octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] & ~(0x80U >> bit % 8));
  const std::string normal = fmt::format("{}/{}", ip_to_text(octets), bits);
  if (octets != written)
    throw Error(Fault::usage, fmt::format("\"{}\" is no name constraint: it has bits set behind its prefix", text),
                fmt::format("write \"{}\"", normal));
  return normal;
}

// "example.org" or ".example.org".
std::string normalise_tree(std::string_view text) {
  const bool below = text.starts_with('.');
  const std::string host = normalise_dns(below ? text.substr(1) : text);
  if (host.starts_with('*'))
    throw unknown(text, "it must not be a wildcard; \".example.org\" means all below example.org");
  return below ? "." + host : host;
}

bool in_network(const std::string& network, const Identifier& identifier) {
  const std::size_t slash = network.find('/');
  const base::Bytes base_octets = ip_from_text(std::string_view(network).substr(0, slash));
  const base::Bytes octets = identifier.ip_octets();
  if (octets.size() != base_octets.size()) return false;
  const auto bits = static_cast<std::size_t>(std::stoi(network.substr(slash + 1)));
  for (std::size_t bit = 0; bit < bits; ++bit)
    if (((octets[bit / 8] ^ base_octets[bit / 8]) & (0x80U >> bit % 8)) != 0) return false;
  return true;
}

// RFC 5280 for e-mail and URI: a host alone means only itself, a leading dot all below.
bool host_fits(const std::string& constraint, std::string_view host) noexcept {
  return constraint.starts_with('.') ? host.size() > constraint.size() && host.ends_with(constraint)
                                     : host == constraint;
}

// The DNS host of a URI in lower case; "" where it has none, or an address.
std::string uri_host(const std::string& uri) {
  const auto authority = authority_of(uri);
  if (!authority) return {};
  std::string host = base::lower(host_of(*authority));
  if (host.starts_with('[') || !ip_from_text(host).empty()) return {};
  if (host.ends_with('.')) host.pop_back();
  return host;
}

}  // namespace

std::string_view to_string(IdentifierKind kind) noexcept {
  switch (kind) {
    case IdentifierKind::dns:
      return "dns";
    case IdentifierKind::ip:
      return "ip";
    case IdentifierKind::email:
      return "email";
    case IdentifierKind::uri:
      break;
  }
  return "uri";
}

Identifier Identifier::parse(IdentifierKind kind, std::string_view text) {
  if (text.size() > kLongestInput) reject("identifier", text, "it is far too long");
  switch (kind) {
    case IdentifierKind::dns:
      return {kind, normalise_dns(text)};
    case IdentifierKind::ip:
      return {kind, normalise_ip(text)};
    case IdentifierKind::email:
      return {kind, normalise_email(text)};
    case IdentifierKind::uri:
      break;
  }
  return {kind, normalise_uri(text)};
}

Identifier Identifier::parse(std::string_view text) {
  if (!ip_from_text(without_brackets(text)).empty() || text.starts_with('[')) return parse(IdentifierKind::ip, text);
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    reject_near_misses(text, text.substr(0, colon), text.substr(colon + 1));
    if (is_scheme(text.substr(0, colon))) return parse(IdentifierKind::uri, text);
  }
  return parse(text.find('@') != std::string_view::npos ? IdentifierKind::email : IdentifierKind::dns, text);
}

base::Bytes Identifier::ip_octets() const {
  if (kind_ != IdentifierKind::ip) throw Error(Fault::internal, "only an IP address has octets");
  return ip_from_text(text_);
}

void require_server_name(std::string_view text) {
  const Identifier name = Identifier::parse(IdentifierKind::dns, text);
  if (name.is_wildcard()) reject("server name", text, "a wildcard cannot be asked for", "say one name below it");
  if (name.text() != text)
    reject("server name", text, "servers are asked in lower case, by A-labels and without a dot at the end",
           fmt::format("write \"{}\"", name.text()));
}

std::string to_string(std::span<const Identifier> identifiers) {
  std::string text;
  for (const Identifier& identifier : identifiers) text.append(text.empty() ? "" : ", ").append(identifier.text());
  return text;
}

NameConstraint NameConstraint::parse(std::string_view text) {
  const auto after = [&](std::string_view prefix) -> std::optional<std::string_view> {
    return text.starts_with(prefix) ? std::optional(text.substr(prefix.size())) : std::nullopt;
  };
  if (text.size() > kLongestInput) throw unknown(text, "it is far too long");
  if (const auto host = after("uri:")) return {IdentifierKind::uri, normalise_tree(*host)};
  if (auto mail = text.starts_with('@') ? std::optional(text) : after("email:")) {
    if (mail->starts_with('@')) mail->remove_prefix(1);
    return {IdentifierKind::email,
            mail->find('@') == std::string_view::npos ? normalise_tree(*mail) : normalise_email(*mail)};
  }
  if (text.find('/') != std::string_view::npos || !ip_from_text(without_brackets(text)).empty())
    return {IdentifierKind::ip, normalise_network(text)};
  return {IdentifierKind::dns, normalise_tree(text)};
}

bool NameConstraint::contains(const Identifier& identifier) const {
  if (identifier.kind() != kind) return false;
  switch (kind) {
    case IdentifierKind::ip:
      return in_network(text, identifier);
    case IdentifierKind::uri:
      return host_fits(text, uri_host(identifier.text()));
    case IdentifierKind::email:
      if (text.find('@') != std::string::npos) return identifier.text() == text;
      return host_fits(text, std::string_view(identifier.text()).substr(identifier.text().find('@') + 1));
    case IdentifierKind::dns:
      break;
  }
  const std::string& name = identifier.text();
  return name == text || name.ends_with(text.starts_with('.') ? text : "." + text);
}

bool NameConstraint::touches(const Identifier& identifier) const {
  if (contains(identifier)) return true;
  if (identifier.kind() != kind) return false;
  if (kind == IdentifierKind::uri) return uri_host(identifier.text()).empty();
  // "*.example.org" speaks for "a.example.org", and for nothing below that.
  return kind == IdentifierKind::dns && identifier.is_wildcard() && !text.starts_with('.') &&
         text.find('.') != std::string::npos && text.substr(text.find('.')) == identifier.text().substr(1);
}

}  // namespace everseal::pki
