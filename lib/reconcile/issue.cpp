// Issue, in stages that are each recorded before the next begins: the version's intent, its key, the certificate, the
// complete version in the archive.
#include "base/error.h"
#include "pki/chain.h"
#include "pki/csr.h"
#include "plan/schedule.h"
#include "reconcile/hold.h"
#include "reconcile/steps.h"
#include "reconcile/take_in.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::AttemptRecord;
using inventory::IntentKind;
using inventory::IntentRecord;
using inventory::VersionRecord;
using inventory::VersionState;

// The CSR that a person handed in last, for a certificate that is issued once. A name that is kept alive makes its own.
const IntentRecord* handed_in(const plan::CertificateFacts& facts) {
  const IntentRecord* newest = nullptr;
  if (facts.renewal != plan::Renewal::once) return nullptr;
  for (const IntentRecord& intent : facts.intents)
    if (intent.kind == IntentKind::issue_once) newest = &intent;
  return newest == nullptr || newest->csr.empty() ? nullptr : newest;
}

bool is_what_is_wanted(const archive::Manifest& manifest, const config::Certificate& wanted) {
  return manifest.spec_hash == config::issuance_hash(wanted) &&
         std::ranges::find(wanted.issuers, manifest.issuer) != wanted.issuers.end();
}

VersionRecord begin(Session& session, const plan::CertificateFacts& facts, const plan::Issue& step) {
  const std::string hash = config::issuance_hash(facts.wanted);
  const auto existing = session.versions.find(facts.wanted.name, step.number);
  if (existing && existing->certificate) return *existing;
  const Time now = session.now();
  VersionRecord version;
  version.name = facts.wanted.name;
  version.number = step.number;
  version.issuer = step.issuer;
  version.spec_hash = hash;
  version.created = now;
  version.has_key = handed_in(facts) == nullptr;
  session.store.transaction([&] {
    session.versions.put(version);
    if (!existing)
      session.events.add("certificate.requested", subject_of(version.name),
                         Detail{{"version", std::to_string(step.number)},
                                {"issuer", step.issuer.text()},
                                {"identifiers", pki::to_string(facts.wanted.identifiers)}},
                         now);
  });
  return version;
}

// The CSR that a person handed in, or one of a key that is durable before anybody is asked.
base::Bytes request_for(Session& session, const plan::CertificateFacts& facts, const VersionRecord& version) {
  if (const IntentRecord* const external = handed_in(facts)) return external->csr;
  // The version is signed for a key that lives elsewhere.
  if (!version.has_key)
    throw base::Error(base::Fault::not_found, fmt::format("the CSR of version {} was withdrawn", version.number),
                      fmt::format("`everseal issue --csr FILE --as {}` hands one in again", version.name));
  const pki::Signer key = session.archive.stage_key(version.name, version.number, facts.wanted.key);
  return pki::make_csr({facts.wanted.subject, facts.wanted.identifiers}, key);
}

// What the new version follows, where the same issuer made it.
std::optional<pki::Certificate> certificate_before(Session& session, const plan::CertificateFacts& facts,
                                                   const VersionRecord& version) {
  const plan::VersionFacts* const used = plan::version_in_use(facts, session.now());
  if (used == nullptr || used->record.issuer != version.issuer || !used->record.certificate) return std::nullopt;
  const auto der = session.certificates.der(*used->record.certificate);
  return der ? std::optional(pki::Certificate::parse(*der)) : std::nullopt;
}

// What came back is what was asked for, whoever signed it.
std::vector<pki::Certificate> checked_chain(std::vector<pki::Certificate> sent, const base::Bytes& csr,
                                            const std::vector<pki::Identifier>& names, Time now) {
  const base::Bytes key = pki::public_key_info_in(csr);
  const auto leaf = std::ranges::find(sent, key, &pki::Certificate::public_key_info);
  if (leaf == sent.end())
    throw base::Error(base::Fault::invalid, "the issuer sent no certificate for the key that was requested");
  std::iter_swap(sent.begin(), leaf);
  std::vector<pki::Certificate> chain = pki::order_chain(std::move(sent), nullptr, pki::RootPolicy::drop);
  if (chain.front().public_key_info() != key)
    throw base::Error(base::Fault::invalid, "the chain that the issuer sent does not begin with the certificate");
  if (!pki::covers(chain.front().names(), names))
    throw base::Error(base::Fault::invalid, fmt::format("the issuer left out names: wanted {}", pki::to_string(names)));
  if (chain.front().not_after() <= now)
    throw base::Error(base::Fault::invalid, "the issuer sent an expired certificate");
  // A clock that is ahead a little is waited for; clients refuse the certificate until then.
  if (chain.front().not_before() > now + plan::kLongestWait)
    throw base::Error(base::Fault::invalid,
                      fmt::format("the issuer sent a certificate that is not valid before {}",
                                  base::format_time(chain.front().not_before())),
                      "look at the issuer's clock, and at ours");
  return chain;
}

void record_certificate(Session& session, VersionRecord& version, const std::vector<pki::Certificate>& chain) {
  const Time now = session.now();
  version.certificate = chain.front().fingerprint();
  version.chain.clear();
  for (std::size_t i = 1; i < chain.size(); ++i) version.chain.push_back(chain[i].fingerprint());
  version.not_before = chain.front().not_before();
  version.not_after = chain.front().not_after();
  version.renew_at = plan::renewal_time(*version.not_before, *version.not_after, pki::random_fraction());
  // The archive says it durably a moment later, and this is made again from there.
  session.store.transaction(
      [&] {
        session.certificates.add(chain, now);
        session.versions.put(version);
        session.events.add("certificate.issued", subject_of(version.name),
                           Detail{{"version", std::to_string(version.number)},
                                  {"issuer", version.issuer.text()},
                                  {"serial", chain.front().serial()},
                                  {"fingerprint", version.certificate->text()},
                                  {"not_after", base::format_time(*version.not_after)}},
                           now);
      },
      inventory::Durability::deferred);
}

std::vector<pki::Certificate> recorded_chain(Session& session, const VersionRecord& version) {
  std::vector<pki::Fingerprint> wanted{*version.certificate};
  wanted.insert(wanted.end(), version.chain.begin(), version.chain.end());
  std::vector<pki::Certificate> chain;
  for (const pki::Fingerprint& fingerprint : wanted) {
    const auto der = session.certificates.der(fingerprint);
    if (!der)
      throw base::Error(base::Fault::corrupt, fmt::format("certificate {} is missing from the inventory", fingerprint));
    chain.push_back(pki::Certificate::parse(*der));
  }
  return chain;
}

// The version that a rollback held until now.
std::optional<int> finish(Session& session, const plan::CertificateFacts& facts, VersionRecord& version,
                          const std::vector<pki::Certificate>& chain) {
  const Time now = session.now();
  session.archive.complete({.name = version.name,
                            .number = version.number,
                            .issuer = version.issuer,
                            .spec = config::normal_form(facts.wanted),
                            .spec_hash = version.spec_hash,
                            .fingerprint = version.certificate->text(),
                            .created = version.created,
                            .external_key = !version.has_key,
                            .once = facts.renewal == plan::Renewal::once},
                           chain);
  version.state = VersionState::issued;
  std::optional<int> held;
  // A commit that is lost with the power is made again from the archive.
  session.store.transaction(
      [&] {
        session.versions.put(version);
        for (const IntentRecord& intent : facts.intents)
          if (intent.kind == IntentKind::force_renew || intent.kind == IntentKind::issue_once)
            session.intents.done(intent.id, now);
        for (const AttemptRecord& attempt : facts.attempts)
          if (attempt.step == "issue") session.attempts.clear(attempt.step, attempt.subject, attempt.target);
        held = end_hold(session.store, version.name, now);
        session.events.add("version.completed", subject_of(version.name),
                           Detail{{"version", std::to_string(version.number)}}, now);
      },
      inventory::Durability::deferred);
  return held;
}

}  // namespace

std::optional<Outcome> issue(Session& session, const plan::CertificateFacts& facts, const plan::Issue& step) {
  const Name& name = facts.wanted.name;
  session.progress(Progress::Kind::doing, subject_of(name),
                   fmt::format("issuing version {} at {}", step.number, step.issuer));
  return base::within(fmt::format("issue at {}", step.issuer), [&]() -> std::optional<Outcome> {
    session.store.prove_writable(session.now());
    VersionRecord version = begin(session, facts, step);
    std::string notes;
    if (const auto aside = session.archive.clear_way(name, version.number))
      notes += fmt::format("; what stood in its place in the archive is kept as {}", *aside);
    std::vector<pki::Certificate> chain;
    if (version.renew_at) {  // recorded to the end, not only by the internal CA
      chain = recorded_chain(session, version);
    } else if (auto complete = session.archive.read(name, version.number)) {
      // It was completed, and its commit lost; what was wanted may have changed meanwhile.
      if (!is_what_is_wanted(complete->manifest, facts.wanted)) {
        take_in(session, *complete);
        return std::nullopt;
      }
      chain = std::move(complete->chain);
      record_certificate(session, version, chain);
    } else {
      const base::Bytes csr = request_for(session, facts, version);
      issuer::Request request{
          .managed = name,
          .version = version.number,
          .csr = csr,
          .identifiers = facts.wanted.identifiers,
          .subject = facts.wanted.subject,
          .profile = facts.wanted.profile,
          .lifetime = facts.wanted.lifetime,
          .replaces = certificate_before(session, facts, version),
          .tell = [&](const std::string& text) { session.progress(Progress::Kind::doing, subject_of(name), text); }};
      issuer::Issued issued = session.issuer(version.issuer).issue(request, session.now(), session.host.stop);
      for (const std::string& warning : issued.warnings) notes += "; " + warning;
      // What the internal CA committed with the version before a crash is finished, even if the names changed since.
      const auto names = version.certificate ? std::vector<pki::Identifier>{} : facts.wanted.identifiers;
      chain = checked_chain(std::move(issued.chain), csr, names, session.now());
      record_certificate(session, version, chain);
    }
    if (const auto held = finish(session, facts, version, chain))
      notes += fmt::format("; that ends {}", describe_hold(*held));
    if (const auto reason = plan::unproved(facts)) notes += "; " + *reason;
    if (*version.not_before > session.now())
      notes += fmt::format("; it is not valid before {}", base::format_time(*version.not_before));
    const std::string text =
        fmt::format("version {} from {}, serial {}, valid until {}{}", version.number, version.issuer,
                    chain.front().serial(), base::format_time(*version.not_after), notes);
    session.progress(Progress::Kind::done, subject_of(name), "issued " + text);
    Facts made = facts_of(session, version);
    made.files = session.archive.paths(name, version.number);
    return Outcome{
        subject_of(name), version.issuer.text(), "issue", notes.empty() ? Result::done : Result::warned, text,
        std::move(made)};
  });
}

}  // namespace everseal::reconcile
