#include "reconcile/verbs/revoke.h"

#include "authority/revoke.h"
#include "base/error.h"
#include "base/text.h"
#include "inventory/certificates.h"
#include "inventory/merge.h"
#include "inventory/subjects.h"
#include "reconcile/artifact.h"
#include "reconcile/facts.h"
#include "reconcile/fields.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"
#include "reconcile/remarks.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// Who asks again for what is open asks for the same; a graver reason takes the other's place.
void add_revocation(Run& run, const Name& name, int version, pki::RevocationReason reason) {
  inventory::Intents intents(run.store);
  for (const inventory::IntentRecord& open : intents.open_for(name)) {
    if (open.kind != inventory::IntentKind::revoke || open.version != version) continue;
    if (!pki::is_graver(reason, open.reason)) return;
    intents.end(open.id, inventory::IntentOutcome::cancelled, run.host.clock());
  }
  inventory::IntentRecord intent;
  intent.kind = inventory::IntentKind::revoke;
  intent.subject = name;
  intent.version = version;
  intent.reason = reason;
  intent.created = run.host.clock();
  intents.add(intent);
}

using Wanted = std::optional<pki::RevocationReason>;

pki::RevocationReason or_unspecified(const Wanted& reason) {
  return reason.value_or(pki::RevocationReason::unspecified);
}

// What is revoked already: as it is wanted, or Error(denied) where another reason is, as the first one stays.
std::string revoked_before(std::string_view what, Time since, pki::RevocationReason reason, const Wanted& wanted) {
  std::string text = fmt::format("{} is revoked since {} ({})", what, base::format_time(since), to_string(reason));
  if (!wanted || reason == *wanted) return text;
  throw base::Error(base::Fault::denied, text + ", and that reason stays",
                    "only keyCompromise takes the place of another reason");
}

// A certificate that an authority signed for somebody else: no managed certificate is concerned.
Verdict revoke_issued(Run& run, const inventory::IssuedRecord& issued, const Wanted& reason) {
  Session session = run.session();
  const authority::Revocation revocation =
      authority::revoke(session.authority(issued.authority), issued.serial, or_unspecified(reason), run.host.clock());
  const inventory::IssuedRecord& now = revocation.certificate;
  const auto stands = now.reason.value_or(pki::RevocationReason::unspecified);
  std::string text = fmt::format("serial {} is revoked ({})", now.serial, to_string(stands));
  if (revocation.outcome == authority::RevokeOutcome::was_revoked)
    text = revoked_before(fmt::format("serial {}", now.serial), *now.revoked_at, stands, reason);
  Verdict verdict;
  verdict.outcomes.push_back(
      {authority_subject(issued.authority),
       {},
       "revoke",
       Result::done,
       std::move(text),
       {.serial = now.serial, .fingerprint = now.fingerprint.text(), .reason = std::string(to_string(stands))}});
  verdict.append(reconcile_authority(run, issued.authority));
  return verdict;
}

base::Error none_signed_it(std::string hint) {
  return base::Error(base::Fault::not_found, "none of the authorities here signed that certificate", std::move(hint));
}

// What the database does not know, as it came back from an older copy, its signature still tells.
void learn(Run& run, const pki::Certificate& certificate) {
  if (inventory::Certificates(run.store).find(certificate.fingerprint())) return;
  run.store.transaction([&] {
    inventory::Replacement learnt;
    inventory::Certificates(run.store).add(std::vector{certificate}, run.host.clock());
    inventory::learn_issued(run.store, learnt);
    const auto issued = inventory::Authorities(run.store).find_issued_by_serial(certificate.serial());
    if (std::ranges::find(issued, certificate.fingerprint(), &inventory::IssuedRecord::fingerprint) == issued.end())
      throw none_signed_it("a certificate of another CA is revoked at that CA");
  });
}

Verdict revoke_version(Run& run, const inventory::VersionRecord& version, const Wanted& wanted) {
  const Name& name = version.name;
  const int number = version.number;
  const pki::RevocationReason reason = or_unspecified(wanted);
  const auto earlier = version.revocation_reason.value_or(pki::RevocationReason::unspecified);
  if (version.revoked_at && !pki::is_graver(reason, earlier)) {
    std::string text =
        revoked_before(fmt::format("version {} of {}", number, name), *version.revoked_at, earlier, wanted);
    Session session = run.session();
    Facts facts = facts_of(session, version);
    facts.reason = to_string(earlier);
    return {.outcomes = {
                {subject_of(name), version.issuer.text(), "revoke", Result::done, std::move(text), std::move(facts)}}};
  }
  run.store.transaction([&] {
    inventory::Subjects(run.store).skip_wait(inventory::certificate_subject(name), run.host.clock());
    add_revocation(run, name, number, reason);
  });
  Verdict verdict = reconcile_certificates(run, {name});
  if (const auto managed = inventory::Managed(run.store).find(name); managed && managed->orphaned)
    verdict.remarks.push_back(orphan_remark(run.host, run.store, *managed));
  else if (managed && !run.clock.trusted)  // the new version waits for it
    verdict.outcomes.push_back(failure("store", {}, "clock", inventory::untrusted_clock(run.clock)));
  return verdict;
}

}  // namespace

Verdict revoke(const Host& host, const RevokeRequest& request) {
  Run run(host);
  inventory::Versions versions(run.store);
  if (request.name) {
    require_managed(host, run.store, *request.name);
    const auto live = versions.live(*request.name);
    if (!live) throw base::Error(base::Fault::not_found, fmt::format("{} has no version in use", *request.name));
    return revoke_version(run, *live, request.reason);
  }
  std::vector<inventory::IssuedRecord> issued;
  inventory::Authorities authorities(run.store);
  if (request.certificate) learn(run, *request.certificate);
  const auto fingerprint = request.certificate ? request.certificate->fingerprint() : request.fingerprint;
  if (fingerprint) {
    const auto record = inventory::Certificates(run.store).find(*fingerprint);
    if (!record) throw base::Error(base::Fault::not_found, fmt::format("no certificate {} is known", *fingerprint));
    if (const auto version = versions.by_certificate(*fingerprint))
      return revoke_version(run, *version, request.reason);
    for (const inventory::IssuedRecord& one : authorities.find_issued_by_serial(record->serial))
      if (one.fingerprint == *fingerprint) issued.push_back(one);
  } else {
    issued = authorities.find_issued_by_serial(base::lower(request.serial));
  }
  if (issued.empty())
    throw none_signed_it(
        "where the database may be older than the certificate name its file with --cert; one of another CA is revoked "
        "at that CA");
  if (issued.size() > 1)
    throw base::Error(base::Fault::usage, "several authorities signed a certificate with that serial",
                      "name the certificate itself with --cert");
  if (const auto version = versions.by_certificate(issued.front().fingerprint))
    return revoke_version(run, *version, request.reason);
  return revoke_issued(run, issued.front(), request.reason);
}

namespace {

constexpr base::Option kRevokeFields[] = {
    {.name = "name", .summary = "the version in use of this certificate"},
    {.name = "serial", .summary = "a certificate that an authority here signed, by its serial"},
    {.name = "fingerprint", .summary = "a certificate, by its SHA-256 in hex"},
    {.name = "certificate", .summary = "a certificate itself, DER in base64; the database need not know it"},
    {.name = "reason", .summary = "keyCompromise, superseded, cessationOfOperation, ..."},
};

Answer run_revoke(const Host& host, const base::Options& request) {
  RevokeRequest wanted;
  if (request.has("name") + request.has("serial") + request.has("fingerprint") + request.has("certificate") != 1)
    throw base::Error(base::Fault::usage, "name one certificate: NAME, --serial or --cert");
  if (request.has("name")) wanted.name = name_in(request, "name", "certificate name");
  if (request.has("serial")) {
    const std::string text = request.string("serial");
    const auto serial = pki::parse_serial(text);
    if (!serial)
      throw base::Error(base::Fault::usage, fmt::format("--serial: '{}' is not hexadecimal", base::printable(text)),
                        "`everseal history` and `openssl x509 -serial` say it");
    wanted.serial = *serial;
  }
  if (request.has("fingerprint")) {
    wanted.fingerprint = pki::Fingerprint::parse(request.string("fingerprint"));
    if (!wanted.fingerprint)
      throw base::Error(base::Fault::usage, "the fingerprint is not that of a certificate",
                        "SHA-256 of the DER, in hex: `everseal inspect FILE` shows it");
  }
  if (request.has("certificate")) {
    const auto der = base::from_base64(request.string("certificate"));
    if (!der) throw base::Error(base::Fault::usage, "the certificate is not base64");
    wanted.certificate = pki::Certificate::parse(*der);
  }
  if (request.has("reason")) wanted.reason = reason_in(request, "reason");
  return {revoke(host, wanted)};
}

}  // namespace

const Verb revoke_verb{"revoke", 1, Needs::lease, "revoke a certificate", kRevokeFields, run_revoke};

}  // namespace everseal::reconcile
