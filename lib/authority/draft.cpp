#include "authority/draft.h"

#include "authority/state.h"
#include "base/error.h"
#include "base/text.h"
#include "pki/weak_key.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::authority {
namespace {

using base::Error;
using base::Fault;
using pki::DistinguishedName;
using pki::Identifier;
using pki::IdentifierKind;

constexpr std::size_t kLongestCommonName = 64;
constexpr std::size_t kMostIdentifiers = 1000;
// For clocks that run behind.
constexpr base::Seconds kBackDate = std::chrono::minutes{5};

// What one request comes to, with all that is wrong with it.
struct Desk {
  const Authority& authority;
  const Request& request;
  const Profile& profile;
  const pki::Csr* csr;
  std::string owner;  // "profile server"
  std::vector<std::string> warnings;
  std::vector<Refusal> refusals;

  void refuse(std::string_view rule, std::string message) {
    refusals.push_back({std::string(rule), std::move(message)});
  }
};

std::optional<Identifier> to_identifier(const std::string& text) {
  try {
    return Identifier::parse(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void warn_of_extensions(Desk& desk) {
  if (desk.csr == nullptr) return;
  if (desk.csr->asks_for_ca)
    desk.warnings.push_back(fmt::format("the CSR asks for CA:TRUE: left out, {} makes no CA certificates", desk.owner));
  std::vector<std::string> names;
  for (const std::string& name : desk.csr->extensions) names.push_back(base::printable(name));
  if (!names.empty())
    desk.warnings.push_back(fmt::format("the CSR asks for {}: left out, extensions come from {} and never from a CSR",
                                        base::join(names, ", "), desk.owner));
}

// The list is read once, and not before an RSA key asks for it.
const pki::KnownKeys* known_keys(const pki::Csr& csr) {
  if (!csr.public_key.text.starts_with("RSA")) return nullptr;
  static const pki::KnownKeys known = pki::KnownKeys::load();
  return &known;
}

// What was made here is sound: only what came from elsewhere is asked.
void refuse_weak_key(Desk& desk) {
  for (const pki::KeyWeakness& weakness : pki::find_weaknesses(desk.csr->public_key_info, known_keys(*desk.csr)))
    desk.refuse("weak-key", fmt::format("key {}: {}", base::printable(desk.csr->public_key.text), weakness.what));
}

std::optional<pki::KeyType> key_type(Desk& desk) {
  if (desk.csr == nullptr) return std::get<pki::Signer>(desk.request.key).type();
  if (!desk.csr->public_key.type)
    desk.refuse("key-type",
                fmt::format("key {}: of no type that Everseal certifies", base::printable(desk.csr->public_key.text)));
  else
    refuse_weak_key(desk);
  return desk.csr->public_key.type;
}

std::vector<Identifier> requested_identifiers(Desk& desk) {
  std::vector<Identifier> identifiers = desk.request.identifiers;
  if (!identifiers.empty() || desk.csr == nullptr) return identifiers;
  for (const pki::GeneralName& name : desk.csr->names) {
    if (auto identifier = pki::to_identifier(name)) {
      identifiers.push_back(std::move(*identifier));
    } else {
      desk.refuse("identifiers", fmt::format("the CSR's {} name {}: no identifier that can be certified",
                                             to_string(name.kind), base::printable(name.value)));
    }
  }
  if (!identifiers.empty() || !desk.refusals.empty()) return identifiers;
  const auto common_name = desk.csr->subject.first("CN");
  if (auto identifier = common_name ? to_identifier(*common_name) : std::nullopt) {
    desk.warnings.push_back(fmt::format("the CSR names no identifier: its CN {} was taken", identifier->text()));
    identifiers.push_back(std::move(*identifier));
  }
  return identifiers;
}

std::vector<Identifier> identifiers(Desk& desk) {
  std::vector<Identifier> all;
  std::set<Identifier> seen;
  for (Identifier& identifier : requested_identifiers(desk))
    if (seen.insert(identifier).second) all.push_back(std::move(identifier));
  if (all.empty() && desk.refusals.empty())
    desk.refuse("identifiers", "the request names no identifier, and every certificate speaks for one");
  if (all.size() > kMostIdentifiers)
    desk.refuse("identifiers", fmt::format("{} identifiers: more than {}", all.size(), kMostIdentifiers));
  const auto is_uri = [](const Identifier& identifier) { return identifier.kind() == IdentifierKind::uri; };
  for (const Identifier& identifier : all)
    if (identifier.text().starts_with("spiffe:") && std::ranges::count_if(all, is_uri) > 1)
      desk.refuse("spiffe",
                  fmt::format("identifier {}: a SPIFFE identity stands beside no other URI", identifier.text()));
  return all;
}

// The identifier that `text` spells, in whatever case or form; null where none of `names` is meant.
const Identifier* spelt(const std::vector<Identifier>& names, const std::string& text) {
  auto found = std::ranges::find(names, text, &Identifier::text);
  if (const auto parsed = found == names.end() ? to_identifier(text) : std::nullopt)
    found = std::ranges::find(names, *parsed);
  return found == names.end() ? nullptr : &*found;
}

// The attributes of the subject but its CN.
DistinguishedName attributes(Desk& desk, const std::vector<Identifier>& names) {
  const bool asked = !desk.request.subject.empty();
  DistinguishedName subject;
  if (!asked && desk.csr == nullptr) return subject;
  for (const auto& [key, value] : asked ? desk.request.subject.rdns : desk.csr->subject.rdns) {
    std::string broken;
    const Identifier* const mailbox = key == "emailAddress" ? spelt(names, value) : nullptr;
    if (std::ranges::find(desk.profile.subject, key) == desk.profile.subject.end()) {
      broken = fmt::format("subject attribute {}: not among the attributes of {}", base::printable(key), desk.owner);
    } else if (key == "emailAddress" && (mailbox == nullptr || mailbox->kind() != IdentifierKind::email)) {
      broken = fmt::format("subject attribute emailAddress {}: none of the identifiers", base::printable(value));
    } else if (key == "CN" && subject.first("CN")) {
      broken = fmt::format("subject attribute CN {}: the subject has one already", base::printable(value));
    } else {
      subject.rdns.emplace_back(key, mailbox == nullptr ? value : mailbox->text());
    }
    if (broken.empty()) continue;
    if (asked) {
      desk.refuse("subject-attribute", std::move(broken));
    } else {
      desk.warnings.push_back(broken + ", left out");
    }
  }
  return subject;
}

void set_common_name(DistinguishedName& subject, const std::string* text) {
  const auto found = std::ranges::find(subject.rdns, "CN", &std::pair<std::string, std::string>::first);
  if (text == nullptr) {
    if (found != subject.rdns.end()) subject.rdns.erase(found);
  } else if (found != subject.rdns.end()) {
    found->second = *text;
  } else {
    subject.rdns.emplace_back("CN", *text);
  }
}

// The identifier that the common name repeats.
const std::string* common_identifier(const Profile& profile, const std::vector<Identifier>& names) {
  const bool hosts_only = profile.common_name == CommonName::from_identifier;
  for (const Identifier& name : names) {
    const bool host = name.kind() == IdentifierKind::dns || name.kind() == IdentifierKind::ip;
    if ((host || !hosts_only) && name.text().size() <= kLongestCommonName) return &name.text();
  }
  return nullptr;
}

// Verifiers take a common name that looks like a DNS name for one, where a certificate has no other, and hold it
// against the chain's name constraints. The CA whose constraints it breaks; empty where it breaks none.
std::string breaks_constraints(const Authority& authority, const std::string& name,
                               const std::vector<Identifier>& names) {
  const auto in_host = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  };
  const bool has_dns = std::ranges::find(names, IdentifierKind::dns, &Identifier::kind) != names.end();
  if (has_dns || name.find('.') == std::string::npos || !std::ranges::all_of(name, in_host)) return {};
  std::optional<Identifier> host;
  try {
    host = Identifier::parse(IdentifierKind::dns, name);
  } catch (const Error&) {  // an address: inside of no DNS constraint
  }
  for (const auto& [owner, constraints] : authority.state().constraints) {
    const bool limited = std::ranges::find(constraints.permitted, IdentifierKind::dns, &pki::NameConstraint::kind) !=
                         constraints.permitted.end();
    if (host ? check(constraints, owner, *host).has_value() : limited) return owner;
  }
  return {};
}

std::optional<Refusal> judge_common_name(const Desk& desk, const std::string& text,
                                         const std::vector<Identifier>& names) {
  if (const std::string owner = breaks_constraints(desk.authority, text, names); !owner.empty())
    return Refusal{"name-constraints", fmt::format("common name {}: verifiers take it for a DNS name, which the name "
                                                   "constraints of {} keep out",
                                                   base::printable(text), owner)};
  if (spelt(names, text) != nullptr) return std::nullopt;
  if (desk.profile.common_name == CommonName::free) return check_common_name(desk.profile.policy, desk.owner, text);
  return Refusal{"common-name", fmt::format("common name {}: none of the identifiers, which {} demands",
                                            base::printable(text), desk.owner)};
}

DistinguishedName subject(Desk& desk, const std::vector<Identifier>& names) {
  DistinguishedName subject = attributes(desk, names);
  const std::string* first = common_identifier(desk.profile, names);
  if (first != nullptr && !breaks_constraints(desk.authority, *first, names).empty()) first = nullptr;
  const auto common_name = subject.first("CN");
  if (!common_name) {
    set_common_name(subject, first);
  } else if (auto refusal = judge_common_name(desk, *common_name, names)) {
    if (!desk.request.subject.empty()) {
      desk.refusals.push_back(std::move(*refusal));
    } else {
      desk.warnings.push_back(refusal->message + ", left out");
      set_common_name(subject, first);
    }
  } else if (const Identifier* const name = spelt(names, *common_name)) {
    set_common_name(subject, &name->text());
  }
  return subject;
}

std::vector<std::string> key_usage(const Profile& profile, pki::KeyType type) {
  std::vector<std::string> usage{"digitalSignature"};
  const bool rsa = type == pki::KeyType::rsa_2048 || type == pki::KeyType::rsa_3072 || type == pki::KeyType::rsa_4096;
  // Key transport, which TLS 1.2 servers with RSA keys may still do.
  if (rsa && is_for_servers(profile.usage)) usage.emplace_back("keyEncipherment");
  return usage;
}

void set_validity(Desk& desk, pki::Template& wanted, Time now) {
  const Authority& authority = desk.authority;
  Time begin = now - kBackDate;
  for (const pki::Certificate& certificate : authority.chain()) begin = std::max(begin, certificate.not_before());
  begin = std::max(begin, authority.root().not_before());

  const auto& longest = desk.profile.policy.longest;
  const auto& authority_longest = authority.settings().policy.longest;
  base::Seconds lifetime = desk.request.lifetime.value_or(desk.profile.lifetime);
  if (!desk.request.lifetime && authority_longest) lifetime = std::min(lifetime, *authority_longest);
  if (lifetime <= base::Seconds(0)) desk.refuse("lifetime", "lifetime: it is not positive");
  wanted.not_before = begin;
  wanted.not_after = now + lifetime;
  // Back-dating counts towards the longest life; it must not be what makes an allowed lifetime too long.
  for (const auto& limit : {longest, authority_longest})
    if (limit && lifetime <= *limit) wanted.not_after = std::min(wanted.not_after, begin + *limit - base::Seconds(1));
  // Judged before the chain shortens it: who asks for too much is told so whatever is left of the CA.
  for (auto& refusal : check(desk.profile.policy, desk.owner, wanted, pki::KeyType::ecdsa_p256))
    if (refusal.rule == "lifetime") desk.refusals.push_back(std::move(refusal));

  const Time end = authority.ends();
  if (wanted.not_after <= end) return;
  wanted.not_after = end;
  desk.warnings.push_back(fmt::format("ends at {} with the chain of authority {}, earlier than asked for",
                                      base::format_time(end), authority.name()));
}

void warn_of_ending(Desk& desk, Time now) {
  const base::Seconds life = desk.authority.certificate().not_after() - desk.authority.certificate().not_before();
  const base::Seconds left = desk.authority.ends() - now;
  if (left < life / 5)
    desk.warnings.push_back(
        fmt::format("authority {} ends in {}: plan for a new one", desk.authority.name(), base::approximate(left)));
}

void add_all(std::vector<Refusal>& into, std::vector<Refusal> more) {
  for (Refusal& refusal : more)
    if (std::ranges::find(into, refusal.message, &Refusal::message) == into.end()) into.push_back(std::move(refusal));
}

void apply_policy(Desk& desk, const pki::Template& wanted, pki::KeyType type) {
  add_all(desk.refusals, check(desk.profile.policy, desk.owner, wanted, type));
  add_all(desk.refusals,
          check(desk.authority.settings().policy, fmt::format("authority {}", desk.authority.name()), wanted, type));
  for (const auto& [owner, constraints] : desk.authority.state().constraints)
    for (const Identifier& identifier : wanted.identifiers)
      if (auto refusal = check(constraints, owner, identifier)) desk.refusals.push_back(std::move(*refusal));
}

// What the linter's answer depends on, besides the values that `draft` has judged.
std::string shape(const Profile& profile, const pki::Template& wanted, pki::KeyType type) {
  std::string text = fmt::format("{}|{}|", profile.name, to_string(type));
  for (const auto& [key, value] : wanted.subject.rdns) text.append(key).append(",");
  std::set<IdentifierKind> kinds;
  for (const Identifier& identifier : wanted.identifiers) kinds.insert(identifier.kind());
  for (const IdentifierKind kind : kinds) text.append("|").append(to_string(kind));
  return text;
}

}  // namespace

const base::Bytes& public_key_info(const Request& request) {
  if (const auto* csr = std::get_if<pki::Csr>(&request.key)) return csr->public_key_info;
  return std::get<pki::Signer>(request.key).public_key_info();
}

Draft draft(const Authority& authority, const Request& request, Time now) {
  require_usable(authority.name(), authority.settings());
  authority.require_valid(now);
  const Profile& profile = profile_of(authority.settings(), request.profile);
  Desk desk{.authority = authority,
            .request = request,
            .profile = profile,
            .csr = std::get_if<pki::Csr>(&request.key),
            .owner = fmt::format("profile {}", profile.name)};
  Draft result;
  pki::Template& wanted = result.wanted;
  warn_of_extensions(desk);
  const auto type = key_type(desk);
  wanted.identifiers = identifiers(desk);
  wanted.subject = subject(desk, wanted.identifiers);
  wanted.public_key_info = public_key_info(request);
  wanted.extended_key_usage = profile.usage;
  wanted.crl_urls = authority.settings().crl_urls;
  wanted.issuer_urls = authority.settings().issuer_urls;
  set_validity(desk, wanted, now);
  if (type) {
    wanted.key_usage = key_usage(profile, *type);
    apply_policy(desk, wanted, *type);
  }
  if (!desk.refusals.empty())
    throw Error(Fault::denied, to_string(desk.refusals),
                fmt::format("ask for what {} and authority {} allow, or change them", desk.owner, authority.name()));
  warn_of_ending(desk, now);
  result.profile = &profile;
  result.shape = shape(profile, wanted, *type);
  result.warnings = std::move(desk.warnings);
  return result;
}

}  // namespace everseal::authority
