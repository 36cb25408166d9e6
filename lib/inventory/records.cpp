#include "inventory/records.h"

#include "base/number.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace everseal::inventory {
namespace {

constexpr auto kVersionStates = std::to_array<std::pair<VersionState, std::string_view>>({
    {VersionState::pending, "pending"},
    {VersionState::issued, "issued"},
    {VersionState::live, "live"},
    {VersionState::retired, "retired"},
});
constexpr auto kArtifactKinds = std::to_array<std::pair<ArtifactKind, std::string_view>>({
    {ArtifactKind::version, "version"},
    {ArtifactKind::crl, "crl"},
    {ArtifactKind::bundle, "bundle"},
});
constexpr auto kDeploymentStates = std::to_array<std::pair<DeploymentState, std::string_view>>({
    {DeploymentState::staged, "staged"},
    {DeploymentState::switched, "switched"},
    {DeploymentState::reloaded, "reloaded"},
    {DeploymentState::verified, "verified"},
    {DeploymentState::unverified, "unverified"},
    {DeploymentState::unverifiable, "unverifiable"},
    {DeploymentState::failed, "failed"},
});
constexpr auto kServed = std::to_array<std::pair<Served, std::string_view>>({
    {Served::unknown, "unknown"},
    {Served::wanted, "wanted"},
    {Served::previous, "previous"},
    {Served::other, "other"},
    {Served::handshake_failed, "handshake_failed"},
    {Served::unreachable, "unreachable"},
});
constexpr auto kIntentKinds = std::to_array<std::pair<IntentKind, std::string_view>>({
    {IntentKind::issue_once, "issue_once"},
    {IntentKind::force_renew, "force_renew"},
    {IntentKind::deploy, "deploy"},
    {IntentKind::rollback, "rollback"},
    {IntentKind::revoke, "revoke"},
    {IntentKind::remove, "remove"},
});
constexpr auto kGenerationStates = std::to_array<std::pair<GenerationState, std::string_view>>({
    {GenerationState::prepared, "prepared"},
    {GenerationState::published, "published"},
    {GenerationState::active, "active"},
    {GenerationState::retired, "retired"},
});
constexpr auto kKeyOwners = std::to_array<std::pair<KeyOwner, std::string_view>>({
    {KeyOwner::ours, "ours"},
    {KeyOwner::external, "external"},
});
constexpr auto kAuthorityRoles = std::to_array<std::pair<AuthorityRole, std::string_view>>({
    {AuthorityRole::root, "root"},
    {AuthorityRole::intermediate, "intermediate"},
});

constexpr std::array<std::pair<IntentOutcome, std::string_view>, 3> kIntentOutcomes{
    {{IntentOutcome::done, "done"}, {IntentOutcome::failed, "failed"}, {IntentOutcome::cancelled, "cancelled"}}};

constexpr auto kPlaceKinds = std::to_array<std::pair<PlaceKind, std::string_view>>(
    {{PlaceKind::endpoint, "endpoint"}, {PlaceKind::file, "file"}, {PlaceKind::name, "name"}});

constexpr auto kChainWords =
    std::to_array<std::pair<Chain, std::string_view>>({{Chain::ca, "ca"}, {Chain::run, "run"}});

template <class Table, class Enum>
constexpr std::string_view word(const Table& table, Enum value) noexcept {
  for (const auto& [known, text] : table)
    if (known == value) return text;
  return "unknown";
}

template <class Table>
constexpr auto parse(const Table& table, std::string_view text) noexcept
    -> std::optional<typename Table::value_type::first_type> {
  for (const auto& [known, word] : table)
    if (word == text) return known;
  return std::nullopt;
}

}  // namespace

CertificateRecord record_of(const pki::Certificate& certificate, Time first_seen) {
  CertificateRecord record;
  record.fingerprint = certificate.fingerprint();
  record.serial = certificate.serial();
  record.subject = certificate.subject();
  record.issuer = certificate.issuer();
  std::string names;
  for (const pki::GeneralName& name : certificate.names()) {
    if (!names.empty()) names += ", ";
    names += name.value.raw();
  }
  record.names = base::Untrusted(std::move(names));
  record.not_before = certificate.not_before();
  record.not_after = certificate.not_after();
  record.key = certificate.public_key().text;
  record.is_ca = certificate.is_ca();
  record.first_seen = first_seen;
  return record;
}

std::string_view to_string(VersionState state) noexcept { return word(kVersionStates, state); }
std::optional<VersionState> parse_version_state(std::string_view text) noexcept { return parse(kVersionStates, text); }
std::string_view to_string(ArtifactKind kind) noexcept { return word(kArtifactKinds, kind); }
std::optional<ArtifactKind> parse_artifact_kind(std::string_view text) noexcept { return parse(kArtifactKinds, text); }
std::string_view to_string(DeploymentState state) noexcept { return word(kDeploymentStates, state); }
std::optional<DeploymentState> parse_deployment_state(std::string_view text) noexcept {
  return parse(kDeploymentStates, text);
}
std::string_view to_string(Served served) noexcept { return word(kServed, served); }
std::optional<Served> parse_served(std::string_view text) noexcept { return parse(kServed, text); }
std::string_view to_string(IntentKind kind) noexcept { return word(kIntentKinds, kind); }
std::optional<IntentKind> parse_intent_kind(std::string_view text) noexcept { return parse(kIntentKinds, text); }
std::string_view to_string(IntentOutcome outcome) noexcept { return word(kIntentOutcomes, outcome); }
std::string_view to_string(GenerationState state) noexcept { return word(kGenerationStates, state); }
std::optional<GenerationState> parse_generation_state(std::string_view text) noexcept {
  return parse(kGenerationStates, text);
}
std::string_view to_string(KeyOwner owner) noexcept { return word(kKeyOwners, owner); }
std::optional<KeyOwner> parse_key_owner(std::string_view text) noexcept { return parse(kKeyOwners, text); }
std::string_view to_string(AuthorityRole role) noexcept { return word(kAuthorityRoles, role); }
std::optional<AuthorityRole> parse_authority_role(std::string_view text) noexcept {
  return parse(kAuthorityRoles, text);
}
std::string_view to_string(Chain chain) noexcept { return word(kChainWords, chain); }
std::optional<Chain> parse_chain(std::string_view text) noexcept { return parse(kChainWords, text); }

std::string_view to_string(PlaceKind kind) noexcept { return word(kPlaceKinds, kind); }
std::optional<PlaceKind> parse_place_kind(std::string_view text) noexcept { return parse(kPlaceKinds, text); }

std::vector<std::string> names_of(const CertificateRecord& record) {
  std::vector<std::string> names;
  std::string_view rest = record.names.raw();
  while (!rest.empty()) {
    const auto end = rest.find(", ");
    names.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
  }
  return names;
}

int gravity(std::string_view severity) noexcept {
  const auto* const found = std::ranges::find(kSeverities, severity);
  return static_cast<int>(kSeverities.end() - found);
}

std::string PlaceRecord::text() const {
  const std::string what = base::printable(name);
  // "127.0.0.1:443 as www.example.org" says the address itself.
  const bool says_address = name.raw() == address || name.raw().starts_with(address + " as ");
  return address.empty() || says_address ? what : fmt::format("{} at {}", what, base::printable(address));
}

std::string asker(const IntentRecord& intent) {
  return intent.actor.empty() ? std::string("somebody") : base::printable(intent.actor);
}

std::string asked_by(const IntentRecord& intent) {
  return fmt::format("{} asked for it {}", asker(intent), base::format_time(intent.created));
}

std::optional<int> version_of(const AttemptRecord& attempt) {
  const bool is_of_version = attempt.step == "revoke" || attempt.step == "live" || attempt.step == "compare";
  return is_of_version ? base::parse_number<int>(attempt.target) : std::nullopt;
}

std::string describe(const AttemptRecord& attempt) {
  if (const auto version = version_of(attempt)) return fmt::format("{} of version {}", attempt.step, *version);
  if (attempt.target.empty()) return attempt.step;
  return fmt::format("{} at {}", attempt.step, attempt.target);
}

}  // namespace everseal::inventory
