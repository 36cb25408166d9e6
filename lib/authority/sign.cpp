#include "authority/sign.h"

#include "authority/draft.h"
#include "authority/lint.h"
#include "authority/state.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/events.h"
#include "inventory/managed.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

namespace everseal::authority {
namespace {

using base::Error;
using base::Fault;

// Large enough that the commit's fsync is no part of the cost, small enough that a crash loses little work.
constexpr std::size_t kGroup = 256;

// Signed and linted, but nobody knows of it yet.
struct Unrecorded {
  std::size_t index;
  pki::Certificate leaf;
  std::vector<std::string> warnings;
};

void require_clean(std::span<const Refusal> broken) {
  if (!broken.empty())
    throw Error(Fault::denied, fmt::format("the finished certificate breaks a rule: {}", to_string(broken)));
}

// A CA of the same name whose key nobody keeps. RSA signatures look alike whatever the key's size.
ThrowAway make_throw_away(const Authority& authority) {
  const pki::KeyType type = authority.signer().type();
  const bool rsa = type == pki::KeyType::rsa_3072 || type == pki::KeyType::rsa_4096;
  pki::PrivateKey key = pki::PrivateKey::generate(rsa ? pki::KeyType::rsa_2048 : type);
  const pki::Template wanted{.serial = pki::random_serial(),
                             .subject_der = authority.certificate().subject_der(),
                             .public_key_info = key.public_key_info(),
                             .not_before = authority.certificate().not_before(),
                             .not_after = authority.certificate().not_after(),
                             .is_ca = true,
                             .path_length = 0,
                             .key_usage = {"keyCertSign", "cRLSign"}};
  auto certificate = pki::Certificate::parse(pki::sign_certificate(wanted, nullptr, key));
  return {std::move(key), std::move(certificate)};
}

// Before the authority's key touches a template of a new shape, a throw-away key signs it and the linter judges that.
void rehearse(Authority& authority, const Draft& draft) {
  Authority::State& state = authority.state();
  if (state.linted_shapes.contains(draft.shape)) return;
  if (!state.throw_away) state.throw_away = make_throw_away(authority);
  const auto rehearsed = pki::Certificate::parse(
      pki::sign_certificate(draft.wanted, &state.throw_away->certificate, state.throw_away->key));
  require_clean(lint(rehearsed, state.throw_away->certificate, Kind::leaf));
  state.linted_shapes.insert(draft.shape);
}

base::Bytes fresh_serial(Authority& authority, inventory::Authorities& authorities) {
  for (;;) {
    base::Bytes serial = pki::random_serial();
    if (!authorities.has_serial(authority.name(), base::hex(serial))) return serial;
  }
}

// What no rule of ours can judge (directory name constraints of an imported CA), the chain's own verification does.
void require_chain(const Authority& authority, const pki::Certificate& leaf, Time now) {
  const auto& constraints = authority.state().constraints;
  if (std::ranges::none_of(constraints, [](const auto& owned) { return owned.constraints.has_others; })) return;
  const pki::Certificate anchors[] = {authority.root()};
  const pki::Verdict verdict = pki::verify(leaf, authority.chain(), anchors, now, pki::Purpose::any);
  if (!verdict.valid)
    throw Error(Fault::denied, fmt::format("the chain of authority {} does not carry it: {}", authority.name(),
                                           base::printable(verdict.problem)));
}

Unrecorded sign_one(Authority& authority, inventory::Authorities& authorities, const Request& request,
                    std::size_t index, Time now) {
  Draft draft = authority::draft(authority, request, now);
  draft.wanted.serial = fresh_serial(authority, authorities);
  rehearse(authority, draft);
  auto leaf =
      pki::Certificate::parse(pki::sign_certificate(draft.wanted, &authority.certificate(), authority.signer()));
  require_clean(lint(leaf, authority.certificate(), Kind::leaf));
  require_chain(authority, leaf, now);
  return {index, std::move(leaf), std::move(draft.warnings)};
}

std::string bound_name(const Binding& binding) {
  return fmt::format("version {} of {}", binding.version, binding.managed);
}

inventory::VersionRecord bound_version(Authority& authority, const Binding& binding) {
  auto version = inventory::Versions(authority.store()).find(binding.managed, binding.version);
  if (!version) throw Error(Fault::not_found, fmt::format("{} is not recorded", bound_name(binding)));
  return std::move(*version);
}

// The certificate that the binding's version has already.
std::optional<Signed> find_bound(Authority& authority, const Request& request,
                                 const inventory::VersionRecord& version) {
  if (!version.certificate) return std::nullopt;
  const auto refuse = [&](std::string_view why) {
    throw Error(Fault::exists, fmt::format("{} has a certificate already: {}", bound_name(*request.binding), why),
                "sign for a newer version");
  };
  const auto der = inventory::Certificates(authority.store()).der(*version.certificate);
  if (!der) throw Error(Fault::corrupt, fmt::format("the certificate of {} is lost", bound_name(*request.binding)));
  auto leaf = pki::Certificate::parse(*der);
  const auto issued = inventory::Authorities(authority.store()).find_issued(authority.name(), leaf.serial());
  if (!issued || issued->fingerprint != leaf.fingerprint()) refuse("another issuer's");
  if (leaf.public_key_info() != public_key_info(request)) refuse("another key's");
  return Signed{std::move(leaf), Outcome::found, {}};
}

std::vector<std::pair<std::string, std::string>> event_detail(const Authority& authority, const Request& request,
                                                              const pki::Certificate& leaf) {
  std::string names;
  for (const pki::GeneralName& name : leaf.names()) names.append(names.empty() ? "" : ", ").append(name.value.raw());
  constexpr std::size_t kLongest = 1000;
  if (names.size() > kLongest) names = names.substr(0, kLongest) + "...";
  std::vector<std::pair<std::string, std::string>> detail{
      {"authority", authority.name().text()},
      {"generation", std::to_string(authority.generation())},
      {"profile", request.profile.text()},
      {"serial", leaf.serial()},
      {"fingerprint", leaf.fingerprint().text()},
      {"names", names},
      {"not_after", base::format_time(leaf.not_after())},
  };
  if (request.binding) detail.emplace_back("version", std::to_string(request.binding->version));
  return detail;
}

void bind(Authority& authority, inventory::VersionRecord version, const pki::Certificate& leaf) {
  version.certificate = leaf.fingerprint();
  version.not_before = leaf.not_before();
  version.not_after = leaf.not_after();
  version.chain.clear();
  for (const pki::Certificate& above : authority.chain()) version.chain.push_back(above.fingerprint());
  inventory::Versions(authority.store()).put(version);
}

void record(Authority& authority, const Request& request, const pki::Certificate& leaf,
            std::optional<inventory::VersionRecord> version, Time now) {
  inventory::Store& store = authority.store();
  inventory::Certificates(store).add({&leaf, 1}, now);
  inventory::Authorities(store).add_issued({.authority = authority.name(),
                                            .generation = authority.generation(),
                                            .serial = leaf.serial(),
                                            .fingerprint = leaf.fingerprint(),
                                            .not_after = leaf.not_after()});
  if (version) bind(authority, std::move(*version), leaf);
  const std::string subject = request.binding ? fmt::format("certificate/{}", request.binding->managed)
                                              : fmt::format("authority/{}", authority.name());
  inventory::Events(store).add("certificate.signed", subject, event_detail(authority, request, leaf), now,
                               inventory::Chain::ca);
}

// Within the transaction: another process may have bound the version since it was looked at.
SignResult record_or_find(Authority& authority, const Request& request, Unrecorded&& made, Time now) {
  std::optional<inventory::VersionRecord> version;
  if (request.binding) {
    try {
      version = bound_version(authority, *request.binding);
      if (auto found = find_bound(authority, request, *version)) return std::move(*found);
    } catch (const Error& error) {
      return std::unexpected(error);
    }
  }
  record(authority, request, made.leaf, std::move(version), now);
  return Signed{std::move(made.leaf), Outcome::signed_now, std::move(made.warnings)};
}

void sign_group(Authority& authority, std::span<const Request> requests, std::span<SignResult> results, Time now) {
  inventory::Authorities authorities(authority.store());
  std::vector<Unrecorded> made;
  made.reserve(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    try {
      if (requests[i].binding) {
        const auto version = bound_version(authority, *requests[i].binding);
        if (auto found = find_bound(authority, requests[i], version)) {
          results[i] = std::move(*found);
          continue;
        }
      }
      made.push_back(sign_one(authority, authorities, requests[i], i, now));
    } catch (const Error& error) {
      results[i] = std::unexpected(error);
    }
  }
  if (made.empty()) return;
  try {
    std::vector<SignResult> recorded;
    authority.store().transaction([&] {
      for (Unrecorded& one : made)
        recorded.push_back(record_or_find(authority, requests[one.index], std::move(one), now));
    });
    for (std::size_t i = 0; i < made.size(); ++i) results[made[i].index] = std::move(recorded[i]);
  } catch (const Error& error) {
    for (const Unrecorded& one : made) results[one.index] = std::unexpected(error);
  }
}

}  // namespace

std::vector<pki::Certificate> full_chain(const Authority& authority, const pki::Certificate& leaf) {
  std::vector<pki::Certificate> chain{leaf};
  chain.insert(chain.end(), authority.chain().begin(), authority.chain().end());
  return chain;
}

std::vector<SignResult> sign_many(Authority& authority, std::span<const Request> requests, Time now) {
  std::vector<SignResult> results(requests.size(), std::unexpected(Error(Fault::cancelled, "not signed yet")));
  for (std::size_t at = 0; at < requests.size(); at += kGroup) {
    const std::size_t count = std::min(kGroup, requests.size() - at);
    sign_group(authority, requests.subspan(at, count), std::span(results).subspan(at, count), now);
  }
  return results;
}

Signed sign(Authority& authority, const Request& request, Time now) {
  std::vector<SignResult> results = sign_many(authority, {&request, 1}, now);
  if (!results.front()) throw Error(results.front().error());
  return std::move(*results.front());
}

}  // namespace everseal::authority
