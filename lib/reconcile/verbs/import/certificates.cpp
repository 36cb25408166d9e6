#include "reconcile/verbs/import/certificates.h"

#include "acme/order.h"
#include "base/error.h"
#include "base/text.h"
#include "reconcile/steps.h"
#include "reconcile/take_in.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;
using importer::Lineage;

std::vector<pki::Identifier> identifiers_of(const pki::Certificate& leaf) {
  std::vector<pki::Identifier> identifiers;
  for (const pki::GeneralName& name : leaf.names()) {
    const auto identifier = pki::to_identifier(name);
    if (!identifier)
      throw Error(Fault::invalid,
                  fmt::format("its name {} is none that can be asked for", base::printable(name.value)));
    identifiers.push_back(*identifier);
  }
  if (identifiers.empty()) throw Error(Fault::invalid, "it has no subject alternative name");
  return identifiers;
}

// By the client's name where it has none here.
std::string subject_of_lineage(const Lineage& lineage) {
  try {
    return subject_of(Name::made_of(lineage.label));
  } catch (const Error&) {
    return "certificate/" + lineage.label;
  }
}

// To that of a key that is not used here.
pki::KeyType nearest_type(const pki::Certificate& leaf) {
  const std::string text = pki::summarise_public_key(leaf.public_key_info()).text;
  return text.starts_with("RSA") ? pki::KeyType::rsa_4096 : config::Certificate().key;
}

bool is_other(const std::optional<archive::Version>& version, const pki::Certificate& leaf) {
  return version && version->chain.front().fingerprint() != leaf.fingerprint();
}

}  // namespace

void ImportedCertificates::take_all() {
  for (Lineage& lineage : work_.found.lineages) {
    require_going_on(work_.host);
    import_alone(work_.report, subject_of_lineage(lineage), [&] { take(lineage); });
  }
}

void ImportedCertificates::add_to_draft() {
  for (const Taken& one : taken_)
    if (!work_.draft.config().certificates.contains(one.wanted.name))
      import_alone(work_.report, subject_of(one.wanted.name), [&] {
        config::Fragment fragment = config::fragment_of(one.wanted);
        fragment.proposal = one.proposal;
        work_.draft.add(fragment, work_.draft.read(fragment));
      });
}

void ImportedCertificates::finish_all() {
  for (const Taken& one : taken_) import_alone(work_.report, subject_of(one.wanted.name), [&] { finish(one); });
}

config::Certificate ImportedCertificates::wanted_of(const Lineage& lineage) const {
  config::Certificate wanted;
  wanted.name = Name::made_of(lineage.label, "certificate name");
  wanted.identifiers = identifiers_of(lineage.chain.front());
  wanted.issuers = {accounts_.issuer_of(lineage)};
  wanted.key = lineage.key ? lineage.key->type() : nearest_type(lineage.chain.front());
  if (!lineage.profile.empty()) wanted.profile = Name::parse(lineage.profile, "profile").text();
  return wanted;
}

void ImportedCertificates::require_other_label(const Lineage& lineage, const Name& name) {
  if (const auto [first, is_first] = labels_.emplace(name, lineage.label); !is_first)
    throw Error(Fault::exists,
                fmt::format("{} and {} would both be called {} here", first->second, lineage.label, name),
                "`everseal issue --as NAME` keeps this one alive under another name");
}

void ImportedCertificates::take(Lineage& lineage) {
  Taken taken{.wanted = wanted_of(lineage), .what = {}};
  const config::Certificate& wanted = taken.wanted;
  require_other_label(lineage, wanted.name);
  const pki::Certificate& leaf = lineage.chain.front();
  taken.what =
      fmt::format("{}, valid until {}", pki::to_string(wanted.identifiers), base::format_time(leaf.not_after()));
  taken.facts = {.serial = leaf.serial(), .fingerprint = leaf.fingerprint().text(), .not_after = leaf.not_after()};
  note_chain(lineage, wanted.issuers.front());
  const bool is_configured = work_.draft.config().certificates.contains(wanted.name);
  if (!is_configured) static_cast<void>(work_.draft.read(config::fragment_of(wanted)));
  const std::optional<int> known = known_version(lineage, wanted);
  taken.was_here = is_configured && (known || !lineage.key);
  if (work_.session == nullptr)
    work_.report.add(taken.was_here ? kTaken : kLookedAt, subject_of(wanted.name), wanted.issuers.front().text(),
                     Result::done, (taken.was_here ? "already here: " : "would be taken over: ") + taken.what,
                     taken.facts);
  else if (lineage.key)
    taken.number = known ? *known : take_version(lineage, wanted);
  challenges_.remember(lineage, wanted);
  taken.proposal = propose(lineage, wanted);
  if (work_.session != nullptr) taken_.push_back(std::move(taken));
}

// Where it was taken over already. Error(exists) where the name is another certificate's here, or it has another name.
std::optional<int> ImportedCertificates::known_version(const Lineage& lineage,
                                                       const config::Certificate& wanted) const {
  if (const auto known = inventory::Versions(work_.store).by_certificate(lineage.chain.front().fingerprint())) {
    if (known->name != wanted.name)
      throw Error(Fault::exists, fmt::format("it is version {} of {} already", known->number, known->name));
    return known->number;
  }
  if (const auto managed = inventory::Managed(work_.store).find(wanted.name)) {
    const config::Certificate present = config::from_normal_form(managed->spec, work_.draft.kinds());
    if (!acme::same_identifiers(present.identifiers, wanted.identifiers))
      throw Error(
          Fault::exists,
          fmt::format("{} is another certificate here, for {}", wanted.name, pki::to_string(present.identifiers)),
          fmt::format("`everseal remove {}`, or rename one of the two", wanted.name));
  }
  return std::nullopt;
}

// Nothing where the operator has a deployment.
std::string ImportedCertificates::propose(const Lineage& lineage, const config::Certificate& wanted) const {
  const auto& certificates = work_.draft.config().certificates;
  if (const auto present = certificates.find(wanted.name);
      present != certificates.end() && !present->second.deployments.empty())
    return {};
  std::string text;
  for (ImportedProposal& proposal : deployments_.propose(lineage, wanted)) {
    text += proposal.toml;
    work_.report.proposals.push_back(std::move(proposal));
  }
  return text;
}

int ImportedCertificates::take_version(const Lineage& lineage, const config::Certificate& wanted) const {
  Session& session = *work_.session;
  const pki::Certificate& leaf = lineage.chain.front();
  int number = session.versions.next_number(wanted.name);
  // A run that was killed may have left it complete in the archive.
  while (is_other(session.archive.read(wanted.name, number), leaf)) ++number;
  session.archive.stage_key(wanted.name, number, *lineage.key);
  session.archive.complete({.name = wanted.name,
                            .number = number,
                            .issuer = wanted.issuers.front(),
                            .spec = config::normal_form(wanted),
                            .spec_hash = config::issuance_hash(wanted),
                            .fingerprint = leaf.fingerprint().text(),
                            .created = session.now(),
                            .external_key = false,
                            .imported_from = work_.request.directory},
                           lineage.chain);
  take_in(session, session.archive.read(wanted.name, number).value(), "certificate.imported",
          Detail{{"version", std::to_string(number)},
                 {"client", std::string(work_.request.kind->name)},
                 {"directory", base::printable(work_.request.directory)},
                 {"serial", leaf.serial()}});
  return number;
}

void ImportedCertificates::note_chain(const Lineage& lineage, const Name& issuer) const {
  if (lineage.preferred_chain.empty()) return;
  const auto& issuers = work_.draft.config().issuers;
  const auto configured = issuers.find(issuer);
  if (configured != issuers.end() && configured->second.options.string("preferred_chain") == lineage.preferred_chain)
    return;
  work_.report.leave(lineage.label, fmt::format("preferred the chain '{}'", base::printable(lineage.preferred_chain)),
                     fmt::format("`preferred_chain` of [issuer.{}] says so for all its certificates", issuer));
}

void ImportedCertificates::finish(const Taken& one) const {
  const Name& name = one.wanted.name;
  const auto configured = work_.draft.config().certificates.find(name);
  if (configured == work_.draft.config().certificates.end()) return;  // it has failed already
  Session& session = *work_.session;
  const std::string_view already = one.was_here ? "already here: " : "";
  std::string text = fmt::format("{}{}; the next `renew` orders it with a key of type {}", already, one.what,
                                 pki::to_string(one.wanted.key));
  bool is_proved = false;
  if (one.number != 0) {
    const int linked = session.archive.live(name).value_or(0);
    const auto in_use = session.versions.live(name);
    // A run that was killed may have left the link without its row.
    if (linked < one.number || (linked == one.number && (!in_use || in_use->number != linked)))
      make_live(session, name, {one.number});
    is_proved = !configured->second.deployments.empty();
    text = fmt::format("{}version {}: {}{}", already, one.number, one.what,
                       is_proved ? "" : "; unverified, as nothing deploys it and no handshake shows it yet");
  }
  Facts facts = one.facts;
  if (one.number != 0) facts.version = one.number;
  session.subjects.wake(inventory::certificate_subject(name), session.now());
  work_.report.add(kTaken, subject_of(name), one.wanted.issuers.front().text(),
                   is_proved ? Result::done : Result::warned, std::move(text), std::move(facts));
}

}  // namespace everseal::reconcile
