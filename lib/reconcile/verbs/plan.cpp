#include "reconcile/verbs/plan.h"

#include "base/error.h"
#include "pki/csr.h"
#include "reconcile/facts.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// Which issuer `renew` would ask for this certificate; nullopt where it would ask none.
std::optional<Name> issuer_asked(const plan::CertificateFacts& facts, const plan::Decision& decision, Force force) {
  for (const plan::Step& step : decision.steps)
    if (const auto* const issue = std::get_if<plan::Issue>(&step.action)) return issue->issuer;
  if (force == Force::yes && !facts.orphaned) return facts.wanted.issuers.front();
  return std::nullopt;
}

Outcome rehearse(Session& session, const config::Certificate& wanted, const Name& issuer) {
  const std::string subject = subject_of(wanted.name);
  try {
    const pki::PrivateKey key = pki::PrivateKey::generate(wanted.key);
    const issuer::Request request{
        .managed = wanted.name,
        .version = 0,
        .csr = pki::make_csr({wanted.subject, wanted.identifiers}, key),
        .identifiers = wanted.identifiers,
        .subject = wanted.subject,
        .profile = wanted.profile,
        .lifetime = wanted.lifetime,
        .replaces = {},
        .tell = [&](const std::string& text) { session.progress(Progress::Kind::doing, subject, text); }};
    return {subject, issuer.text(), "rehearse", Result::done,
            base::printable(session.issuer(issuer).rehearse(request, session.now(), session.host.stop))};
  } catch (const base::Error& error) {
    return {subject, issuer.text(), "rehearse", Result::failed, error.text()};
  }
}

std::vector<PlannedSubject> plan(Session& session, const std::vector<Name>& names) {
  const Time now = session.now();
  std::vector<PlannedSubject> planned;
  const auto add = [&](const Name& name) {
    planned.push_back({subject_of(name), plan::decide(certificate_facts(session, name), now)});
  };
  if (!names.empty()) {
    for (const Name& name : names) add(require_managed(session.store, name).name);
    return planned;
  }
  for (const inventory::ManagedRecord& record : session.managed.all()) add(record.name);
  for (const inventory::AuthorityRecord& record : session.authority_rows.all())
    planned.push_back({authority_subject(record.name), plan::decide(authority_facts(session, record.name), now)});
  return planned;
}

}  // namespace

std::vector<PlannedSubject> plan(const Host& host, const std::vector<Name>& names) {
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, host.clock());
  Desired desired(host, store);
  Session session(host, desired.config(), store);
  return plan(session, names);
}

std::vector<PlannedSubject> rehearse(const Host& host, const RenewRequest& request) {
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, host.clock());
  Desired desired(host, store);
  Session session(host, desired.config(), store);
  std::vector<PlannedSubject> planned = plan(session, request.names);
  for (PlannedSubject& one : planned) {
    constexpr std::string_view kCertificate = "certificate/";
    if (!one.subject.starts_with(kCertificate) || host.stop.stop_requested()) continue;
    const Name name = Name::parse(one.subject.substr(kCertificate.size()));
    const plan::CertificateFacts facts = certificate_facts(session, name);
    if (const auto issuer = issuer_asked(facts, one.decision, request.force))
      one.rehearsal = rehearse(session, facts.wanted, *issuer);
  }
  return planned;
}

}  // namespace everseal::reconcile
