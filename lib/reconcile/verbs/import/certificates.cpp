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

void ImportedCertificates::finish_all() {
  for (const Taken& one : taken_) import_alone(work_.report, subject_of(one.name), [&] { finish(one); });
}

config::Certificate ImportedCertificates::wanted_of(const Lineage& lineage) const {
  config::Certificate wanted;
  wanted.name = Name::made_of(lineage.label, "certificate name");
  wanted.identifiers = identifiers_of(lineage.chain.front());
  wanted.issuers = {accounts_.issuer_of(lineage)};
  wanted.key = lineage.key.type();
  if (!lineage.profile.empty()) wanted.profile = Name::parse(lineage.profile, "profile").text();
  return wanted;
}

void ImportedCertificates::take(Lineage& lineage) {
  const config::Certificate wanted = wanted_of(lineage);
  if (const auto [first, is_first] = labels_.emplace(wanted.name, lineage.label); !is_first)
    throw Error(Fault::exists,
                fmt::format("{} and {} would both be called {} here", first->second, lineage.label, wanted.name),
                "`everseal issue --as NAME` keeps this one alive under another name");
  const std::string what = fmt::format("{}, valid until {}", pki::to_string(wanted.identifiers),
                                       base::format_time(lineage.chain.front().not_after()));
  const std::string issuer = wanted.issuers.front().text();
  note_chain(lineage, wanted.issuers.front());
  const config::Fragment fragment = config::fragment_of(wanted);
  std::optional<config::Config> part;
  if (!work_.draft.config().certificates.contains(wanted.name)) part = work_.draft.read(fragment);
  if (work_.session == nullptr) {
    work_.report.add(subject_of(wanted.name), issuer, Result::done, "would be taken over: " + what);
    return;
  }
  const int number = take_version(lineage, wanted);
  challenges_.take(lineage, wanted.name);
  if (part) work_.draft.add(fragment, std::move(*part));
  taken_.push_back({wanted.name, number, issuer, what});
}

// Its number; taken over once, however often this is done.
int ImportedCertificates::take_version(const Lineage& lineage, const config::Certificate& wanted) const {
  Session& session = *work_.session;
  const pki::Certificate& leaf = lineage.chain.front();
  if (const auto known = session.versions.by_certificate(leaf.fingerprint())) {
    if (known->name != wanted.name)
      throw Error(Fault::exists, fmt::format("it is version {} of {} already", known->number, known->name));
    return known->number;
  }
  if (const auto managed = session.managed.find(wanted.name)) {
    const config::Certificate present = config::from_normal_form(managed->spec, work_.draft.kinds());
    if (!acme::same_identifiers(present.identifiers, wanted.identifiers))
      throw Error(
          Fault::exists,
          fmt::format("{} is another certificate here, for {}", wanted.name, pki::to_string(present.identifiers)),
          fmt::format("`everseal remove {}`, or rename one of the two", wanted.name));
  }
  int number = session.versions.next_number(wanted.name);
  // A run that was killed may have left it complete in the archive.
  while (is_other(session.archive.read(wanted.name, number), leaf)) ++number;
  session.archive.stage_key(wanted.name, number, lineage.key);
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
  Session& session = *work_.session;
  if (session.archive.live(one.name).value_or(0) < one.number) make_live(session, one.name, {one.number});
  session.subjects.wake(inventory::certificate_subject(one.name), session.now());
  const bool is_deployed = !work_.draft.config().certificates.at(one.name).deployments.empty();
  work_.report.add(subject_of(one.name), one.issuer, is_deployed ? Result::done : Result::warned,
                   fmt::format("version {}: {}{}", one.number, one.what,
                               is_deployed ? "" : "; unverified, as nothing deploys it and no handshake shows it yet"));
}

}  // namespace everseal::reconcile
