#include "authority/policy.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::authority {
namespace {

using base::Error;
using base::Fault;
using pki::Identifier;
using pki::IdentifierKind;

Error no_pattern(std::string_view text, std::string_view rule) {
  return Error(Fault::config, fmt::format("\"{}\" is no identifier pattern: {}", base::printable(text), rule),
               "write a name, \"*.example.org\", \"10.0.0.0/8\", \"*@example.org\", \"spiffe://trust/*\" or \"*\"");
}

bool looks_like_network(std::string_view text) {
  return text.find('/') != std::string_view::npos && text.find_first_not_of("0123456789abcdefABCDEF:./") == text.npos;
}

// Two spellings of one path would pass a comparison of prefixes.
bool has_dot_segments(std::string_view uri) {
  const std::string text = base::lower(uri);
  return text.find("/./") != text.npos || text.find("/../") != text.npos || text.ends_with("/.") ||
         text.ends_with("/..") || text.find("%2e") != text.npos || text.find("%2f") != text.npos;
}

// Is `name` what a wildcard's one label stands for?
bool wildcard_covers(const Identifier& wildcard, const Identifier& name) {
  if (!wildcard.is_wildcard() || name.kind() != IdentifierKind::dns) return false;
  const std::size_t dot = name.text().find('.');
  return dot != std::string::npos && name.text().substr(dot) == wildcard.text().substr(1);
}

std::optional<Refusal> check_lists(const Policy& policy, std::string_view owner, std::string_view what,
                                   std::string_view shown, const Identifier* identifier) {
  for (const Pattern& pattern : policy.deny)
    if (identifier != nullptr ? pattern.touches(*identifier) : pattern.text() == "*")
      return Refusal{"identifier-denied", fmt::format("{} {}: denied by \"{}\" in the deny list of {}", what, shown,
                                                      base::printable(pattern.text()), owner)};
  const auto allows = [&](const Pattern& pattern) {
    return identifier != nullptr ? pattern.contains(*identifier) : pattern.text() == "*";
  };
  if (policy.allow.empty() || std::ranges::any_of(policy.allow, allows)) return std::nullopt;
  return Refusal{"identifier-allowed", fmt::format("{} {}: not in the allow list of {}", what, shown, owner)};
}

}  // namespace

Pattern Pattern::parse(std::string_view text) {
  Pattern pattern;
  pattern.text_ = std::string(text);
  if (text == "*") return pattern;
  try {
    if (text.starts_with("*.")) {
      pattern.form_ = Form::dns_below;
      const Identifier tree = Identifier::parse(IdentifierKind::dns, text.substr(2));
      if (tree.is_wildcard()) throw no_pattern(text, "only its first label may be \"*\"");
      pattern.tail_ = "." + tree.text();
    } else if (text.starts_with("*@")) {
      pattern.form_ = Form::email_host;
      const Identifier host = Identifier::parse(IdentifierKind::dns, text.substr(2));
      if (host.is_wildcard()) throw no_pattern(text, "the host of a mail pattern is a plain name");
      pattern.tail_ = "@" + host.text();
    } else if (text.find(':') != text.npos && text.ends_with('*')) {
      const std::string_view beginning = text.substr(0, text.size() - 1);
      if (!beginning.ends_with('/') && !beginning.ends_with(':'))
        throw no_pattern(text, "\"*\" at the end of a URI follows a \"/\" or \":\"");
      // Something in the place of "*" makes it a URI that can be validated and normalised.
      pattern.form_ = Form::uri_prefix;
      pattern.tail_ = Identifier::parse(IdentifierKind::uri, std::string(beginning) + "x").text();
      pattern.tail_.pop_back();
    } else if (looks_like_network(text)) {
      pattern.form_ = Form::ip_range;
      pattern.range_ = pki::NameConstraint::parse(text);
    } else if (text.find('*') != text.npos) {
      throw no_pattern(text, "\"*\" stands only for a first label, a mailbox or the end of a URI");
    } else {
      pattern.form_ = Form::exact;
      pattern.exact_ = Identifier::parse(text);
    }
  } catch (const Error& error) {
    if (error.fault() == Fault::config) throw;
    throw no_pattern(text, error.message());
  }
  return pattern;
}

bool Pattern::contains(const Identifier& identifier) const {
  const std::string& name = identifier.text();
  switch (form_) {
    case Form::everything:
      return true;
    case Form::exact:
      return identifier == *exact_;
    case Form::dns_below:
      return identifier.kind() == IdentifierKind::dns && name.size() > tail_.size() && name.ends_with(tail_);
    case Form::ip_range:
      return range_->contains(identifier);
    case Form::email_host:
      return identifier.kind() == IdentifierKind::email && name.ends_with(tail_);
    case Form::uri_prefix:
      break;
  }
  return identifier.kind() == IdentifierKind::uri && name.size() > tail_.size() && name.starts_with(tail_) &&
         !has_dot_segments(name);
}

bool Pattern::touches(const Identifier& identifier) const {
  if (contains(identifier)) return true;
  if (form_ == Form::exact) return wildcard_covers(identifier, *exact_);
  return form_ == Form::uri_prefix && identifier.kind() == IdentifierKind::uri && has_dot_segments(identifier.text());
}

std::string to_string(std::span<const Refusal> refusals) {
  std::string text;
  for (const Refusal& refusal : refusals) text.append(text.empty() ? "" : "; ").append(refusal.message);
  return text;
}

std::vector<Refusal> check(const Policy& policy, std::string_view owner, const pki::Template& wanted,
                           pki::KeyType key) {
  std::vector<Refusal> refusals;
  for (const Identifier& identifier : wanted.identifiers)
    if (auto refusal = check_lists(policy, owner, "identifier", identifier.text(), &identifier))
      refusals.push_back(std::move(*refusal));
  if (policy.longest && wanted.not_after - wanted.not_before + base::Seconds(1) > *policy.longest)
    refusals.push_back({"lifetime", fmt::format("lifetime {}: longer than the {} that {} allows",
                                                base::approximate(wanted.not_after - wanted.not_before),
                                                base::approximate(*policy.longest), owner)});
  if (!policy.keys.empty() && std::ranges::find(policy.keys, key) == policy.keys.end())
    refusals.push_back({"key-type", fmt::format("key {}: not among the key types of {}", to_string(key), owner)});
  return refusals;
}

std::optional<Refusal> check_common_name(const Policy& policy, std::string_view owner, const std::string& name) {
  std::optional<Identifier> identifier;
  try {
    identifier = Identifier::parse(name);
  } catch (const Error&) {  // people's names are common names too
  }
  return check_lists(policy, owner, "common name", base::printable(name), identifier ? &*identifier : nullptr);
}

}  // namespace everseal::authority
