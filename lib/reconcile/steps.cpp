// The steps that are one change and its record.
#include "reconcile/steps.h"

#include "authority/crl.h"
#include "authority/files.h"
#include "authority/revoke.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "config/fragment.h"
#include "config/load.h"
#include "plan/schedule.h"
#include "reconcile/facts.h"
#include "reconcile/failure.h"
#include "reconcile/hold.h"
#include "reconcile/kinds.h"
#include "reconcile/lost.h"
#include "reconcile/orphan.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace everseal::reconcile {
namespace {

using inventory::DeploymentRecord;
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

// Null where it left the config.
issuer::Issuer* issuer_if_there(Session& session, const Name& name) {
  try {
    return &session.issuer(name);
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::config) throw;
    base::log::info("{}", error.message());
    return nullptr;
  }
}

// Takes away what every target holds of versions that have no key any more, or of those that are `going`. One that
// fails lets the others go on.
void prune_targets(const plan::CertificateFacts& facts, const std::vector<int>& going) {
  std::vector<std::int64_t> keep;
  for (const plan::VersionFacts& version : facts.versions) {
    const int number = version.record.number;
    if (version.record.has_key && std::ranges::find(going, number) == going.end()) keep.push_back(number);
  }
  std::optional<base::Error> failed;
  for (const config::Deployment& target : facts.wanted.deployments) {
    try {
      open_target(target, facts.wanted.name)->prune(keep);
    } catch (base::Error& error) {
      failed = std::move(error).within(fmt::format("old keys at {}", target.name));
    }
  }
  if (failed) throw base::Error(*failed);
}

// Some issuers revoke by it where nothing else proves who asks. Most do without, so that a damaged archive keeps nobody
// from revoking.
std::optional<pki::Signer> key_if_readable(Session& session, const VersionRecord& version) {
  try {
    return session.archive.key(version.name, version.number);
  } catch (const base::Error& error) {
    base::log::debug("revoking version {} of {} without its key: {}", version.number, version.name, error.message());
    return std::nullopt;
  }
}

// By its issuer; where the config has none of that name any more, or a broken one, by the authority here that signed
// it.
void revoke_by_issuer(Session& session, const VersionRecord& version, const pki::Certificate& certificate,
                      pki::RevocationReason reason, const std::optional<Name>& signer) {
  issuer::Issuer* const issuer = signer ? issuer_if_there(session, version.issuer) : &session.issuer(version.issuer);
  if (issuer == nullptr) {
    authority::revoke(session.authority(*signer), certificate, reason, session.now());
    return;
  }
  std::optional<pki::RevocationReason> earlier;
  if (version.revoked_at) earlier = version.revocation_reason.value_or(pki::RevocationReason::unspecified);
  issuer->revoke({certificate, reason, key_if_readable(session, version), earlier}, session.now(), session.host.stop);
}

// Before the database, so that a lost one learns it again. The CA has revoked it whatever the disk says: what fails
// here is the rest of a sentence.
std::string note_revoked(Session& session, const VersionRecord& version, const archive::Revoked& revoked) {
  try {
    session.archive.note_revoked(version.name, version.number, revoked);
    return {};
  } catch (const base::Error& error) {
    return fmt::format("; only the database says so: {} (`everseal doctor --mend` writes it again)",
                       base::printable(error.message()));
  }
}

}  // namespace

// The key before the row: a row without a key is begun again, a key without a row stays for ever.
std::optional<Outcome> give_up(Session& session, const Name& name, const plan::GiveUp& step) {
  if (issuer::Issuer* const issuer = issuer_if_there(session, step.issuer);
      issuer != nullptr && issuer->give_up(name, step.number, session.host.stop) == issuer::GivenUp::is_signed)
    return std::nullopt;
  session.archive.discard_staging(name, step.number);
  session.store.transaction([&] {
    session.versions.give_up(name, step.number);
    session.events.add("certificate.given_up", subject_of(name),
                       Detail{{"version", std::to_string(step.number)}, {"issuer", step.issuer.text()}}, session.now());
  });
  return Outcome{subject_of(name), step.issuer.text(), "cancel", Result::done,
                 fmt::format("version {}, which nothing asks for any more, is given up", step.number)};
}

std::optional<Outcome> make_live(Session& session, const Name& name, const plan::MakeLive& step) {
  const auto live = session.versions.live(name);
  const bool was_lost = live && live->number == step.number;
  session.archive.make_live(name, step.number);
  const Time now = session.now();
  // A commit that is lost with the power is made again from the link.
  session.store.transaction(
      [&] {
        session.versions.set_live(name, step.number);
        session.events.add("version.live", subject_of(name), Detail{{"version", std::to_string(step.number)}}, now);
      },
      inventory::Durability::deferred);
  if (!was_lost) return std::nullopt;
  return Outcome{subject_of(name),
                 {},
                 std::string(plan::MakeLive::kind),
                 Result::warned,
                 fmt::format("{} led elsewhere or was gone, and leads to version {} again",
                             session.archive.live_path(name), step.number)};
}

std::optional<Outcome> revoke(Session& session, const Name& name, const plan::Revoke& step) {
  VersionRecord version = version_of(session, name, step.number);
  const pki::Certificate certificate = certificate_of(session, version);
  session.progress(Progress::Kind::doing, subject_of(name), fmt::format("revoking version {}", step.number));
  const Time now = session.now();
  const auto signer = signer_here(session, certificate);
  try {
    if (!signer) session.managed.set_revocation_sent(name, step.number);
    revoke_by_issuer(session, version, certificate, step.reason, signer);
  } catch (const base::Error& error) {
    if (is_permanent(error.fault())) session.managed.set_revocation_sent(name, std::nullopt);
    throw;
  }
  // An authority here keeps the graver reason where there was one already.
  pki::RevocationReason reason = step.reason;
  std::string untold;
  if (signer)
    reason = session.authority_rows.find_issued(*signer, certificate.serial())->reason.value_or(reason);
  else
    untold = note_revoked(session, version, {version.revoked_at.value_or(now), reason});
  if (!version.revoked_at) version.revoked_at = now;
  version.revocation_reason = reason;
  std::optional<int> ended_hold;
  session.store.transaction([&] {
    session.versions.put(version);
    session.certificates.set_revoked(*version.certificate, now, reason);
    session.managed.set_revocation_sent(name, std::nullopt);
    if (step.intent) session.intents.done(*step.intent, now);
    if (const auto managed = session.managed.find(name); managed && managed->pinned == step.number)
      ended_hold = end_hold(session.store, name, now);
    session.events.add("certificate.revoked", subject_of(name),
                       Detail{{"version", std::to_string(step.number)},
                              {"serial", certificate.serial()},
                              {"reason", std::string(to_string(reason))}},
                       now);
  });
  Facts facts = facts_of(session, version);
  facts.reason = to_string(reason);
  return Outcome{
      subject_of(name),
      version.issuer.text(),
      "revoke",
      untold.empty() ? Result::done : Result::warned,
      fmt::format("version {}, serial {}, is revoked ({}){}{}", step.number, certificate.serial(), to_string(reason),
                  untold, ended_hold ? "; that ends " + describe_hold(*ended_hold) : std::string()),
      std::move(facts)};
}

std::optional<Outcome> pin(Session& session, const Name& name, const plan::Pin& step) {
  const Time now = session.now();
  Facts facts = facts_of(session, version_of(session, name, step.number));
  facts.back_to = step.number;
  session.store.transaction([&] {
    session.managed.set_pinned(name, step.number);
    session.intents.done(step.intent, now);
    session.events.add("certificate.pinned", subject_of(name), Detail{{"version", std::to_string(step.number)}}, now);
  });
  return Outcome{subject_of(name),
                 {},
                 "rollback",
                 Result::done,
                 fmt::format("version {0} stays in use until a newer one is issued; `everseal deploy {1}` or `everseal "
                             "rollback {1} --cancel` ends that",
                             step.number, name),
                 std::move(facts)};
}

// Back-off ends and what is proved already is done again: somebody asked.
std::optional<Outcome> unpin(Session& session, const Name& name, const plan::Unpin& step) {
  const Time now = session.now();
  std::optional<int> held;
  session.store.transaction([&] {
    held = end_hold(session.store, name, now);
    session.deployments.deploy_again(inventory::ArtifactKind::version, name);
    session.intents.done(step.intent, now);
  });
  if (!held) return std::nullopt;
  return Outcome{subject_of(name), {}, "cancel", Result::done, describe_hold(*held)};
}

// The targets first: what an archive has no key of is not looked for there again.
std::optional<Outcome> prune(Session& session, const plan::CertificateFacts& facts, const plan::Prune& step) {
  const Name& name = facts.wanted.name;
  prune_targets(facts, step.keys_of);
  for (const int number : step.keys_of) {
    session.archive.remove_key(name, number);
    const Time now = session.now();
    session.store.transaction([&] {
      VersionRecord version = version_of(session, name, number);
      version.has_key = false;
      session.versions.put(version);
      session.events.add(kKeyDeleted, subject_of(name), Detail{{"version", std::to_string(number)}}, now);
    });
  }
  return std::nullopt;
}

// The directory before the row: a directory without a row is a version that was lost, a row without one is nothing.
// What fails stays with both.
std::optional<Outcome> discard(Session& session, const plan::CertificateFacts& facts, const plan::Discard& step) {
  const Name& name = facts.wanted.name;
  const bool keys = std::ranges::any_of(facts.versions, [&](const plan::VersionFacts& version) {
    return version.record.has_key && std::ranges::find(step.numbers, version.record.number) != step.numbers.end();
  });
  if (keys) prune_targets(facts, step.numbers);
  std::vector<int> gone;
  std::optional<base::Error> failed;
  for (const int number : step.numbers) {
    try {
      session.archive.remove_version(name, number);
      gone.push_back(number);
    } catch (base::Error& error) {
      failed = std::move(error).within(fmt::format("version {}", number));
    }
  }
  if (!gone.empty()) {
    session.store.transaction([&] {
      session.versions.discard(name, gone);
      session.events.add("version.discarded", subject_of(name),
                         Detail{{"versions", fmt::format("{}", fmt::join(gone, ", "))}}, session.now());
    });
  }
  if (failed) throw base::Error(*failed);
  return std::nullopt;
}

std::optional<Outcome> delete_keys(Session& session, const Name& name) {
  const archive::KeyRemoval removal = session.archive.remove_keys(name);
  const Time now = session.now();
  session.store.transaction([&] {
    for (VersionRecord version : session.versions.of(name)) {
      if (!version.has_key) continue;
      version.has_key = session.archive.standing(name, version.number).has_key;
      if (!version.has_key) session.versions.put(version);
    }
    if (!removal.removed.empty())
      session.events.add(kKeyDeleted, subject_of(name),
                         Detail{{"versions", fmt::format("{}", fmt::join(removal.removed, ", "))}}, now);
  });
  if (!removal.problems.empty())
    throw base::Error(base::Fault::io, fmt::format("{}", fmt::join(removal.problems, "; ")),
                      "take away what keeps it from being deleted (`lsattr` shows whether it is immutable)");
  if (removal.removed.empty()) return std::nullopt;
  return Outcome{subject_of(name),
                 {},
                 std::string(plan::DeleteKeys::kind),
                 Result::done,
                 fmt::format("of version {}", fmt::join(removal.removed, ", "))};
}

void require_removable(const Host& host, const inventory::ManagedRecord& managed) {
  if (managed.origin == kOnce || managed.orphaned) return;
  if (config::where_defined(host.files, managed.name) == config::DefinedIn::fragment) return;
  throw base::Error(base::Fault::denied, fmt::format("{} is defined in {}", managed.name, managed.origin),
                    "delete its table there; then it is orphaned, and `remove` forgets it");
}

namespace {

constexpr const char* kGone = "gone";

// "in /etc/nginx/tls", of a target's form.
std::string where(const std::string& spec) {
  const std::string directory = config::directory_in_form(spec);
  return directory.empty() ? "there" : "in " + base::printable(directory);
}

}  // namespace

void remember_fragment(Session& session, const Name& name) {
  session.managed.set_fragment_seen(
      name, look_of_file(config::fragment_path(session.host.files.fragments, name)).value_or(kGone));
}

// What stays is said: nobody looks for it afterwards. The config before the row: who is killed between the two leaves
// an orphan whose removal goes on, and not a name that is made anew.
std::optional<Outcome> forget(Session& session, const plan::CertificateFacts& facts, const plan::Forget& step) {
  const Name& name = facts.wanted.name;
  const Time now = session.now();
  std::vector<std::string> stays;
  Facts told;
  const bool keys =
      std::ranges::any_of(facts.versions, [](const plan::VersionFacts& one) { return one.record.has_key; });
  for (const plan::VersionFacts& version : facts.versions) {
    const std::optional<Time> ends = version.record.not_after;
    if (!ends || *ends <= now || version.record.revoked_at) continue;
    stays.push_back(
        fmt::format("version {} is valid until {} and not revoked", version.record.number, base::format_time(*ends)));
    told.left.push_back({.what = "version", .version = version.record.number, .not_after = ends});
  }
  for (const DeploymentRecord& deployment : facts.deployments) {
    stays.push_back(fmt::format("what was deployed to {} stays {}", deployment.target, where(deployment.spec)));
    told.left.push_back(
        {.what = "target", .target = deployment.target.text(), .path = config::directory_in_form(deployment.spec)});
  }
  for (const inventory::FormerPlaceRecord& former : facts.former_places) {
    stays.push_back(fmt::format("what was deployed to {} before stays {}, with its private key if that is there",
                                former.target, where(former.spec)));
    told.left.push_back(
        {.what = "former_target", .target = former.target.text(), .path = config::directory_in_form(former.spec)});
  }
  if (!facts.versions.empty()) {
    const std::string archive = fmt::format("{}/archive/{}", session.host.state, name);
    stays.push_back(fmt::format("its versions stay in {}{}", archive,
                                keys ? ", with their private keys" : ", without private keys"));
    told.left.push_back({.what = "archive", .path = archive});
    if (keys) told.left.push_back({.what = "keys", .path = archive});
  }
  const auto file_stays = [&](const std::string& file, std::string_view why) {
    stays.push_back(fmt::format("{} {}", base::printable(file), why));
    told.left.push_back({.what = "file", .path = file});
  };
  if (const auto managed = session.managed.find(name); managed && managed->origin != kOnce && !managed->orphaned) {
    require_removable(session.host, *managed);
    const std::string file = config::fragment_path(session.host.files.fragments, name);
    // Whoever wrote it meanwhile wants something else than was asked for then.
    const auto look = look_of_file(file);
    const std::string asked_with = session.managed.fragment_seen(name);
    if (look && !asked_with.empty() && asked_with != *look) {
      file_stays(file, "was written after that was asked for and stays: the next run takes it for a new certificate");
    } else {
      config::remove_fragment(session.host.files, name);
      if (look) {
        stays.push_back(fmt::format("{} is deleted", base::printable(file)));
        told.files.push_back(file);
      }
    }
    if (const std::string unread = config::fragment_path(config::fragments_of(session.host.state), name);
        unread != file && look_of_file(unread))
      file_stays(unread, "is not read, and a run that reads it issues what it says");
  } else if (managed && managed->orphaned) {
    if (const auto file = orphan_of(session.host, session.store, *managed, {}).file) {
      stays.push_back(
          fmt::format("its table stays in {}, which is not read: a run that reads it issues it again, so "
                      "delete it there",
                      base::printable(*file)));
      told.left.push_back({.what = "file", .path = *file});
    }
  }
  session.archive.mark_removed(name, now);  // a lost database learns it again
  session.store.transaction([&] {
    session.intents.done(step.intent, now);
    session.managed.remove(name);
    session.events.add(kRemoved, subject_of(name), Detail{{"keys", keys ? "kept" : "destroyed"}}, now);
  });
  stays.insert(stays.begin(), "is no longer kept alive");
  return Outcome{subject_of(name), {}, "remove", Result::done, fmt::format("{}", fmt::join(stays, "; ")),
                 std::move(told)};
}

std::optional<Outcome> end_intent(Session& session, const Name& name, const plan::EndIntent& step) {
  const Time now = session.now();
  session.store.transaction([&] {
    session.intents.end(step.intent, inventory::IntentOutcome::failed, now);
    session.events.add("intent.ended", subject_of(name), Detail{{"because", step.why}}, now);
  });
  return Outcome{subject_of(name), {}, "cancel", Result::warned, step.why};
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
  // A commit that is lost with the power costs one more question.
  session.store.transaction([&] { session.renewal_infos.put(record); }, inventory::Durability::deferred);
  return std::nullopt;
}

std::optional<Outcome> sign_crl(Session& session, const Name& authority) {
  const bool were_lost = session.authority_rows.are_revocations_lost(authority);
  const inventory::CrlRecord crl = authority::refresh_crl(session.authority(authority), session.now());
  if (were_lost) end_waits(session.store, plan::Revoke::kind, session.now());
  return Outcome{
      authority_subject(authority),
      {},
      "crl",
      Result::done,
      fmt::format("CRL {} is valid until {}", crl.number, base::format_time(crl.next_update)),
      {.version = static_cast<std::int64_t>(crl.number),
       .not_after = crl.next_update,
       .files = {fmt::format("{}/{}", authority::authority_path(session.store, authority), authority::kCrlFile)}}};
}

}  // namespace everseal::reconcile
