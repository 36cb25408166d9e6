#include "authority/authority.h"

#include "authority/files.h"
#include "authority/state.h"
#include "base/error.h"
#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::authority {
namespace {

using base::Error;
using base::Fault;
using inventory::AuthorityCertificateRecord;
using inventory::AuthorityRole;
using inventory::GenerationState;

const AuthorityCertificateRecord* active(std::span<const AuthorityCertificateRecord> rows, AuthorityRole role) {
  const AuthorityCertificateRecord* found = nullptr;
  for (const AuthorityCertificateRecord& row : rows)
    if (row.role == role && row.state == GenerationState::active &&
        (found == nullptr || row.generation > found->generation))
      found = &row;
  return found;
}

Error disagree(const Name& name, std::string_view what) {
  return Error(Fault::corrupt, fmt::format("authority {}: {}", name, what),
               "bring its directory back from a backup");
}

// The intermediate and those above it: the database knows the first, its file the rest.
std::vector<pki::Certificate> read_chain(const base::Directory& directory, const Name& name, int generation,
                                         const pki::Certificate& certificate) {
  const auto text = directory.read(intermediate_file(generation), kLongestFile);
  if (!text) return {certificate};
  std::vector<pki::Certificate> chain =
      base::within(fmt::format("{}/{}", base::printable(directory.path()), intermediate_file(generation)),
                   [&] { return pki::Certificate::parse_all(*text); });
  if (chain.front() != certificate)
    throw disagree(name,
                   fmt::format("{} is not the certificate that the database knows", intermediate_file(generation)));
  return chain;
}

}  // namespace

void require_usable(const Name& authority, const Settings& settings) {
  if (!settings.problem.empty())
    throw Error(Fault::config, fmt::format("authority {} signs no certificate: {}", authority, settings.problem),
                "`everseal config check` looks at it again");
}

const Profile& profile_of(const Settings& settings, const Name& name) {
  const auto is_named = [&](const Profile& profile) { return profile.name == name; };
  if (settings.why_unusable && std::ranges::none_of(settings.profiles, is_named))
    if (const std::string why = settings.why_unusable(name); !why.empty())
      throw Error(Fault::config, fmt::format("the profile {} is not usable: {}", name, why),
                  "`everseal config check` looks at it again");
  return find_profile(settings.profiles, name);
}

Authority::Authority(std::unique_ptr<State> state) : state_(std::move(state)) {}
Authority::Authority(Authority&&) noexcept = default;
Authority::~Authority() = default;

Authority Authority::open(inventory::Store& store, const Name& name, Settings settings,
                          const base::Secret* passphrase) {
  KeyRing keys;
  return open(store, name, std::move(settings), keys,
              [&] { return passphrase == nullptr ? std::nullopt : std::optional(passphrase->copy()); });
}

Authority Authority::open(inventory::Store& store, const Name& name, Settings settings, KeyRing& keys,
                          const PassphraseSource& passphrase) {
  inventory::Authorities authorities(store);
  if (!authorities.find(name))
    throw Error(Fault::not_found, fmt::format("there is no authority {}", name),
                fmt::format("make it with `everseal ca init {}`", name));
  const auto rows = authorities.certificates(name);
  const auto* intermediate = active(rows, AuthorityRole::intermediate);
  const auto* root = active(rows, AuthorityRole::root);
  if (intermediate == nullptr || root == nullptr)
    throw Error(Fault::denied, fmt::format("authority {} waits for its intermediate", name),
                fmt::format("have {}/{}/{} signed by the root and bring the answer with `everseal ca import {}`",
                            kAuthoritiesDirectory, name, kCsrFile, name));

  auto directory = base::Directory::open_if_exists(authority_path(store, name));
  if (!directory)
    throw Error(Fault::not_found, fmt::format("authority {}: {} is missing", name, authority_path(store, name)),
                "bring it back from a backup");
  const auto certificate = pki::Certificate::parse(intermediate->der);
  auto signer = base::within(fmt::format("key of authority {}", name),
                             [&] { return keys.open(name, *directory, intermediate->key_file, passphrase); });
  if (!signer) throw disagree(name, fmt::format("its key {} is missing", intermediate->key_file));
  if (!pki::key_matches(*signer, certificate)) throw disagree(name, "its key does not belong to its certificate");

  auto state = std::make_unique<State>(State{
      .store = store,
      .name = name,
      .generation = intermediate->generation,
      .settings = std::move(settings),
      .directory = *std::move(directory),
      .certificate = certificate,
      .root = pki::Certificate::parse(root->der),
      .signer = std::move(*signer),
  });
  state->chain = read_chain(state->directory, name, state->generation, certificate);
  state->key_id = certificate.subject_key_id();
  for (const pki::Certificate& above : state->chain)
    state->constraints.push_back({base::printable(above.subject()), read_constraints(above)});
  state->constraints.push_back({base::printable(state->root.subject()), read_constraints(state->root)});
  return Authority(std::move(state));
}

const Name& Authority::name() const noexcept { return state_->name; }
int Authority::generation() const noexcept { return state_->generation; }
const Settings& Authority::settings() const noexcept { return state_->settings; }
inventory::Store& Authority::store() const noexcept { return state_->store; }
const pki::Certificate& Authority::certificate() const noexcept { return state_->certificate; }
const pki::Signer& Authority::signer() const noexcept { return state_->signer; }
const std::vector<pki::Certificate>& Authority::chain() const noexcept { return state_->chain; }
const pki::Certificate& Authority::root() const noexcept { return state_->root; }
const base::Directory& Authority::directory() const noexcept { return state_->directory; }

Time Authority::ends() const noexcept {
  Time end = root().not_after();
  for (const pki::Certificate& certificate : chain()) end = std::min(end, certificate.not_after());
  return end;
}

void Authority::require_valid(Time now) const {
  const auto check = [&](const pki::Certificate& certificate) {
    if (now < certificate.not_before())
      throw Error(Fault::denied,
                  fmt::format("authority {} does not sign: {} is not valid before {}", name(), certificate.describe(),
                              base::format_time(certificate.not_before())),
                  "check the clock");
    if (now > certificate.not_after())
      throw Error(Fault::denied,
                  fmt::format("authority {} does not sign: {} expired at {}", name(), certificate.describe(),
                              base::format_time(certificate.not_after())),
                  "make a new authority, or import a new intermediate");
  };
  for (const pki::Certificate& certificate : chain()) check(certificate);
  check(root());
}

}  // namespace everseal::authority
