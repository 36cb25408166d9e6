// The steps that are one change and its record.
#include "reconcile/steps.h"

#include "authority/crl.h"
#include "base/error.h"
#include "plan/schedule.h"
#include "reconcile/facts.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::AttemptRecord;
using inventory::DeploymentRecord;
using inventory::DeploymentState;
using inventory::VersionRecord;

VersionRecord version_of(Session& session, const Name& name, int number) {
  auto version = session.versions.find(name, number);
  if (!version) throw base::Error(base::Fault::not_found, fmt::format("{} has no version {}", name, number));
  return *version;
}

pki::Certificate certificate_of(Session& session, const VersionRecord& version) {
  const auto der = version.certificate ? session.certificates.der(*version.certificate) : std::nullopt;
  if (!der)
    throw base::Error(base::Fault::not_found,
                      fmt::format("version {} of {} has no certificate", version.number, version.name));
  return pki::Certificate::parse(*der);
}

}  // namespace

std::optional<Outcome> make_live(Session& session, const Name& name, const plan::MakeLive& step) {
  session.archive.make_live(name, step.number);
  const Time now = session.now();
  // The link would tell it again.
  session.store.transaction(
      [&] {
        session.versions.set_live(name, step.number);
        session.events.add("version.live", subject_of(name), Detail{{"version", std::to_string(step.number)}}, now);
      },
      inventory::Durability::deferred);
  return std::nullopt;
}

std::optional<Outcome> revoke(Session& session, const Name& name, const plan::Revoke& step) {
  VersionRecord version = version_of(session, name, step.number);
  const pki::Certificate certificate = certificate_of(session, version);
  session.progress(Progress::Kind::doing, subject_of(name), fmt::format("revoking version {}", step.number));
  const Time now = session.now();
  session.issuer(version.issuer)
      .revoke({certificate, step.reason, session.archive.key(name, step.number)}, now, session.host.stop);
  version.revoked_at = now;
  version.revocation_reason = step.reason;
  session.store.transaction([&] {
    session.versions.put(version);
    session.certificates.set_revoked(*version.certificate, now, step.reason);
    session.intents.done(step.intent, now);
    session.events.add("certificate.revoked", subject_of(name),
                       Detail{{"version", std::to_string(step.number)},
                              {"serial", certificate.serial()},
                              {"reason", std::string(to_string(step.reason))}},
                       now);
  });
  return Outcome{
      subject_of(name), version.issuer.text(), "revoke", Result::done,
      fmt::format("version {}, serial {}, is revoked ({})", step.number, certificate.serial(), to_string(step.reason))};
}

std::optional<Outcome> pin(Session& session, const Name& name, const plan::Pin& step) {
  const Time now = session.now();
  version_of(session, name, step.number);
  session.store.transaction([&] {
    session.managed.set_pinned(name, step.number);
    session.intents.done(step.intent, now);
    session.events.add("certificate.pinned", subject_of(name), Detail{{"version", std::to_string(step.number)}}, now);
  });
  return std::nullopt;
}

// Back-off ends and what is proved already is done again: somebody asked.
std::optional<Outcome> unpin(Session& session, const Name& name, const plan::Unpin& step) {
  const Time now = session.now();
  session.store.transaction([&] {
    session.managed.set_pinned(name, std::nullopt);
    for (DeploymentRecord record : session.deployments.of(inventory::ArtifactKind::version, name)) {
      record.state = DeploymentState::staged;
      record.before = inventory::Served::unknown;
      record.attempts = 0;
      record.not_before.reset();
      session.deployments.put(record);
    }
    session.intents.done(step.intent, now);
    session.events.add("certificate.unpinned", subject_of(name), {}, now);
  });
  return std::nullopt;
}

std::optional<Outcome> prune(Session& session, const Name& name, const plan::Prune& step) {
  for (const int number : step.keys_of) {
    session.archive.remove_key(name, number);
    VersionRecord version = version_of(session, name, number);
    version.has_key = false;
    const Time now = session.now();
    session.store.transaction([&] {
      session.versions.put(version);
      session.events.add("key.deleted", subject_of(name), Detail{{"version", std::to_string(number)}}, now);
    });
  }
  const plan::CertificateFacts facts = certificate_facts(session, name);
  std::vector<std::int64_t> keep;
  for (const plan::VersionFacts& version : facts.versions)
    if (version.record.has_key) keep.push_back(version.record.number);
  for (const config::Deployment& target : facts.wanted.deployments)
    deploy::find_kind(target.type)->open(target.options, name)->prune(keep);
  return std::nullopt;
}

// Whatever comes of it, nobody waits for it: the certificate's own renewal time stands.
std::optional<Outcome> refresh_renewal_info(Session& session, const Name& name, const plan::RefreshRenewalInfo& step) {
  const VersionRecord version = version_of(session, name, step.number);
  const pki::Certificate certificate = certificate_of(session, version);
  const auto known = session.renewal_infos.find(certificate.fingerprint());
  const Time now = session.now();
  inventory::RenewalInfoRecord record = known.value_or(inventory::RenewalInfoRecord{});
  record.certificate = certificate.fingerprint();
  try {
    const issuer::RenewalInfo said = session.issuer(step.issuer).renewal_info(certificate, now, session.host.stop);
    record.ask_again = said.ask_again;
    record.problem.clear();
    record.failures = 0;
    if (!said.window) {
      record.start = record.end = record.renew_at = std::nullopt;
    } else if (said.window->start != record.start || said.window->end != record.end) {
      record.start = said.window->start;
      record.end = said.window->end;
      record.renew_at = plan::time_within(*record.start, *record.end, pki::random_fraction());
      record.explanation = said.window->explanation;
    }
  } catch (const base::Error& error) {
    if (error.fault() == base::Fault::cancelled) throw;
    record.problem = error.message();
    ++record.failures;
    record.ask_again = std::max(plan::ask_again_time(record.failures, now), error.retry_at().value_or(now));
    session.progress(Progress::Kind::warning, subject_of(name),
                     fmt::format("renewal information: {}", error.message()));
  }
  // The CA would tell it again.
  session.store.transaction([&] { session.renewal_infos.put(record); }, inventory::Durability::deferred);
  return std::nullopt;
}

std::optional<Outcome> sign_crl(Session& session, const Name& authority) {
  const std::string subject = authority_subject(authority);
  try {
    const inventory::CrlRecord crl = authority::refresh_crl(session.authority(authority), session.now());
    session.attempts.clear("sign-crl", subject, {});
    return Outcome{subject,
                   {},
                   "crl",
                   Result::done,
                   fmt::format("CRL {} is valid until {}", crl.number, base::format_time(crl.next_update))};
  } catch (const base::Error& error) {
    const Time now = session.now();
    const auto earlier = session.attempts.find("sign-crl", subject, {});
    AttemptRecord attempt;
    attempt.step = "sign-crl";
    attempt.subject = subject;
    attempt.count = (earlier ? earlier->count : 0) + 1;
    attempt.problem = error.message();
    const auto newest = session.newest_crl(authority);
    attempt.not_before =
        plan::retry_time(attempt.count, now, newest ? std::optional(newest->next_update) : std::nullopt);
    attempt.last = now;
    session.store.transaction([&] {
      session.attempts.put(attempt);
      session.events.add("crl.failed", subject, Detail{{"problem", error.message()}}, now);
    });
    return Outcome{subject, {}, "crl", Result::failed, error.message()};
  }
}

}  // namespace everseal::reconcile
