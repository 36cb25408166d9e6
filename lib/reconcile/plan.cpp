#include "reconcile/plan.h"

#include "base/error.h"
#include "pki/csr.h"
#include "reconcile/facts.h"
#include "reconcile/named.h"
#include "reconcile/obstacles.h"
#include "reconcile/orphan.h"
#include "reconcile/reconcile.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// Which issuer `renew` would ask for this certificate; nullopt where it would ask none.
std::optional<Name> issuer_asked(const PlannedSubject& planned, const plan::CertificateFacts& facts, Force force) {
  for (const PlannedStep& step : planned.steps)
    if (step.kind == plan::Issue::kind) return Name::parse(step.issuer);
  if (force == Force::yes && !facts.orphaned) return facts.wanted.issuers.front();
  return std::nullopt;
}

// Would `renew` ask for a new version of it, due or not?
bool is_forced(const RenewRequest& request, const plan::CertificateFacts& facts) {
  const auto leaves = [](const inventory::IntentRecord& one) { return one.kind == inventory::IntentKind::remove; };
  return request.force == Force::yes && !facts.orphaned && std::ranges::none_of(facts.intents, leaves) &&
         facts.key_owner == inventory::KeyOwner::ours &&
         (!request.names.empty() || facts.renewal == plan::Renewal::automatic);
}

void add_forced_issue(const plan::CertificateFacts& facts, Time now, PlannedSubject& planned) {
  if (std::ranges::find(planned.steps, plan::Issue::kind, &PlannedStep::kind) != planned.steps.end()) return;
  const plan::Issue issue{plan::next_version(facts), facts.wanted.issuers.front()};
  planned.steps.push_back({.kind = plan::Issue::kind,
                           .text = describe(plan::CertificateAction(issue)),
                           .version = issue.number,
                           .target = {},
                           .issuer = issue.issuer.text(),
                           .why = {{plan::Rule::requested, "a renewal that is due or not"}},
                           .gate = plan::Gate::open,
                           .not_before = now});
  std::erase_if(planned.standing, [](const plan::Reason& one) { return one.rule == plan::Rule::nothing_due; });
}

PlannedSubject plan_one(Session& session, const SubjectKind& kind, const Name& name) {
  try {
    return kind.plan(session, name);
  } catch (const base::Error& error) {
    return {.subject = inventory::SubjectId{std::string(kind.name), name}.text(),
            .steps = {},
            .standing = {{plan::Rule::unreadable, error.text()}},
            .look_again = {},
            .rehearsal = {}};
  }
}

std::vector<PlannedSubject> plan(Session& session, const std::vector<Name>& names) {
  std::vector<PlannedSubject> planned;
  const SubjectKind& certificate = subject_kind("certificate");
  if (!names.empty()) {
    for (const Name& name : names)
      planned.push_back(plan_one(session, certificate, require_managed(session.host, session.store, name).name));
    return planned;
  }
  for (const inventory::ManagedRecord& record : session.managed.all())
    planned.push_back(plan_one(session, certificate, record.name));
  for (const inventory::AuthorityRecord& record : session.authority_rows.all())
    planned.push_back(plan_one(session, subject_kind("authority"), record.name));
  return planned;
}

void add_obstacles(Session& session, std::vector<PlannedSubject>& planned) {
  const Obstacles obstacles(session.store, session.now());
  if (obstacles.empty()) return;
  for (PlannedSubject& one : planned) {
    const auto name = certificate_in(one.subject);
    const auto managed = name ? session.managed.find(*name) : std::nullopt;
    if (!managed || managed->orphaned || managed->origin == kOnce) continue;
    for (const Obstacle& obstacle :
         obstacles.of(config::from_normal_form(managed->spec, config_kinds({})), session.config))
      one.standing.push_back(
          {plan::Rule::dns_fault,
           fmt::format("{}: {} ({}, as of {}). {}",
                       obstacle.severity == "warning" ? "the DNS stands in the way of another issuer"
                                                      : "the DNS stands in the way of the next renewal",
                       obstacle.what, obstacle.rule, base::format_time(obstacle.seen), obstacle.remedy)});
  }
}

// A table that is wrong did not leave.
void tell_wrong_tables(Session& session, std::vector<PlannedSubject>& planned) {
  std::optional<Untaken> untaken;
  for (PlannedSubject& one : planned)
    for (plan::Reason& reason : one.standing) {
      const auto name = certificate_in(one.subject);
      if (reason.rule != plan::Rule::orphaned || !name) continue;
      if (!untaken) untaken = look_at_config(session.host, session.store);
      const Orphan how = orphan_of(session.host, session.store, *session.managed.find(*name), *untaken);
      if (how.is_wrong) reason.text = fmt::format("it {}, so it is not renewed", how.what);
    }
}

// What is wrong in the config stands with what it is about, or by itself.
void add_problems(const Desired& desired, const std::vector<Name>& names, std::vector<PlannedSubject>& planned) {
  const auto& all = desired.problems();
  for (const Outcome& problem : outcomes_of(names.empty() ? all : problems_for(all, names))) {
    auto about = std::ranges::find(planned, problem.subject, &PlannedSubject::subject);
    if (about == planned.end()) {
      planned.push_back({.subject = problem.subject, .steps = {}, .standing = {}, .look_again = {}, .rehearsal = {}});
      about = std::prev(planned.end());
    }
    const std::string& hint = problem.facts.hint;
    about->standing.push_back(
        {plan::Rule::unreadable, hint.empty() ? problem.text : fmt::format("{} ({})", problem.text, hint)});
  }
}

// What the decisions do not see.
void add_what_stands(Session& session, const Desired& desired, const std::vector<Name>& names,
                     std::vector<PlannedSubject>& planned) {
  add_obstacles(session, planned);
  tell_wrong_tables(session, planned);
  add_problems(desired, names, planned);
}

}  // namespace

std::string try_at(Session& session, const config::Certificate& wanted, const Name& issuer, const base::Bytes& csr) {
  const auto own_csr = [&] {
    return pki::make_csr({wanted.subject, wanted.identifiers}, pki::PrivateKey::generate(wanted.key));
  };
  const issuer::Request request{
      .managed = wanted.name,
      .version = 0,
      .csr = csr.empty() ? own_csr() : csr,
      .identifiers = wanted.identifiers,
      .subject = wanted.subject,
      .profile = wanted.profile,
      .lifetime = wanted.lifetime,
      .replaces = {},
      .tell = [&](const std::string& text) { session.progress(Progress::Kind::doing, subject_of(wanted.name), text); }};
  return base::printable(session.issuer(issuer).rehearse(request, session.now(), session.host.stop));
}

Outcome rehearse(Session& session, const config::Certificate& wanted, const Name& issuer, const base::Bytes& csr) {
  const std::string subject = subject_of(wanted.name);
  try {
    return {subject, issuer.text(), "rehearse", Result::done, try_at(session, wanted, issuer, csr)};
  } catch (const base::Error& error) {
    return failure(subject, issuer.text(), "rehearse", error);
  }
}

std::vector<PlannedSubject> plan(const Host& host, const std::vector<Name>& names) {
  const auto look = [&](sql::Access access) {
    inventory::Store store = open_store(host, access);
    Desired desired(host, store);
    Session session(host, desired.config(), store);
    std::vector<PlannedSubject> planned = plan(session, names);
    add_what_stands(session, desired, names, planned);
    return planned;
  };
  try {
    return look(sql::Access::read_write);
  } catch (const base::Error& unwritable) {
    if (unwritable.fault() != base::Fault::io) throw;
    try {  // a disk that is full, or read-only: a config that is as it was need not be taken in
      return look(sql::Access::read_only);
    } catch (const base::Error&) {
      throw unwritable;
    }
  }
}

std::vector<PlannedSubject> rehearse(const Host& host, const RenewRequest& request) {
  inventory::Store store = open_store(host, sql::Access::read_write);
  Desired desired(host, store);
  Session session(host, desired.config(), store);
  std::vector<PlannedSubject> planned = plan(session, request.names);
  for (PlannedSubject& one : planned) {
    const auto name = certificate_in(one.subject);
    if (!name || host.stop.stop_requested()) continue;
    const plan::CertificateFacts facts = certificate_facts(session, *name);
    if (is_forced(request, facts)) add_forced_issue(facts, session.now(), one);
    if (const auto issuer = issuer_asked(one, facts, request.force))
      one.rehearsal = rehearse(session, facts.wanted, *issuer);
  }
  add_what_stands(session, desired, request.names, planned);
  return planned;
}

}  // namespace everseal::reconcile
