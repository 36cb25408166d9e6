#include "reconcile/verbs/cancel.h"

#include "base/error.h"
#include "base/text.h"
#include "plan/certificate.h"
#include "reconcile/facts.h"
#include "reconcile/fields.h"
#include "reconcile/hold.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"
#include "reconcile/requests.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace everseal::reconcile {

namespace {

// What is left of what was withdrawn, where something is: what goes on all the same, and what does not come back.
std::optional<Outcome> aftermath(Run& run, const Name& name, const std::set<int>& asked) {
  Session session = run.session();
  const plan::CertificateFacts facts = certificate_facts(session, name);
  const auto tell = [&](Result result, std::string text) {
    return Outcome{subject_of(name), {}, "cancel", result, std::move(text)};
  };
  const bool is_still_asked_for = std::ranges::any_of(facts.intents, [](const inventory::IntentRecord& one) {
    return one.kind == inventory::IntentKind::revoke || one.revoke;
  });
  std::set<int> sent = asked;
  if (const auto last = session.managed.revocation_sent(name)) sent.insert(*last);
  if (!sent.empty() && !is_still_asked_for) {
    session.managed.set_revocation_sent(name, std::nullopt);
    std::vector<std::string> commands;
    for (const int number : sent)
      commands.push_back(
          fmt::format("`everseal revoke --cert {}/archive/{}/{}/cert.pem`", session.host.state, name, number));
    return tell(Result::warned, fmt::format("the CA was asked to revoke version {} and did not say that it did: it may "
                                            "be revoked all the same, and {} asks again",
                                            fmt::join(sent, " and "), base::join(commands, " and ")));
  }
  if (facts.orphaned) return tell(Result::warned, "it is no longer in the config, so nothing renews it");
  for (const auto& step : plan::decide(facts, session.now()).steps) {
    if (const auto* const given_up = std::get_if<plan::GiveUp>(&step.action))
      return tell(Result::done,
                  fmt::format("version {} was begun for it; the next run gives that up", given_up->number));
    const auto* const issue = std::get_if<plan::Issue>(&step.action);
    if (issue == nullptr || step.why.front().rule != plan::Rule::interrupted) continue;
    if (const plan::VersionFacts& begun = facts.versions.back(); begun.is_signed || begun.record.certificate)
      return tell(Result::warned, fmt::format("version {} is finished all the same, as {} signed it or is about to; "
                                              "`everseal rollback {}` goes back then",
                                              issue->number, issue->issuer, name));
    return tell(Result::warned,
                fmt::format("version {}, which was begun, goes on: {}", issue->number, step.why[1].text));
  }
  return std::nullopt;
}

using inventory::IntentKind;

// The verbs whose wishes are recorded, by their names, and what each asks for.
struct Asked {
  std::string_view verb;
  IntentKind kind;
  std::string_view words;
};
constexpr Asked kAsked[] = {
    {"deploy", IntentKind::deploy, "deployment"},         {"remove", IntentKind::remove, "removal"},
    {"renew", IntentKind::force_renew, "forced renewal"}, {"revoke", IntentKind::revoke, "revocation"},
    {"rollback", IntentKind::rollback, "rollback"},       {"issue", IntentKind::issue_once, "issue"}};

std::string_view in_words(IntentKind kind) { return std::ranges::find(kAsked, kind, &Asked::kind)->words; }

bool is_of_other_ca(Session& session, const Name& name, int version) {
  const auto record = session.versions.find(name, version);
  const auto der = record && record->certificate ? session.certificates.der(*record->certificate) : std::nullopt;
  return der && !signer_here(session, pki::Certificate::parse(*der));
}

// The versions to which that was done since, as the history says them in the member `versions` of its details.
std::string done_since(inventory::Store& store, const Name& name, std::string_view action, const char* versions,
                       Time begun) {
  std::vector<std::string> found;
  inventory::Events(store).each({.subject = subject_of(name)}, [&](const inventory::EventRecord& event) {
    if (event.action != action || event.when < begun) return;
    const auto detail = nlohmann::json::parse(event.detail);
    if (!detail.contains(versions)) return;
    // Both chains tell of a revocation that an authority here signed.
    std::string said = detail.at(versions).get<std::string>();
    if (std::ranges::find(found, said) == found.end()) found.push_back(std::move(said));
  });
  return base::join(found, ", ");
}

// What failed for the sake of that alone is no failure any more. Gives the versions whose CA was asked to revoke them.
std::set<int> forget_failures(Session& session, const Name& name, IntentKind kind) {
  std::set<int> asked;
  inventory::Attempts& attempts = session.attempts;
  const std::string subject = subject_of(name);
  for (const inventory::AttemptRecord& attempt : attempts.of(subject)) {
    const bool of_revocation = attempt.step == plan::Revoke::kind;
    const bool of_removal =
        of_revocation || attempt.step == plan::DeleteKeys::kind || attempt.step == plan::Forget::kind ||
        attempt.step == plan::Retire::kind;  // where a target is to go all the same the next run tries at once
    if (!(kind == IntentKind::remove ? of_removal : kind == IntentKind::revoke && of_revocation)) continue;
    if (const auto version = version_of(attempt);
        version && !attempt.needs_operator && is_of_other_ca(session, name, *version))
      asked.insert(*version);
    attempts.clear(attempt.step, subject, attempt.target);
  }
  return asked;
}

}  // namespace

Verdict cancel(const Host& host, const CancelRequest& request) {
  Run run(host);
  require_managed(host, run.store, request.name);
  const Time now = host.clock();
  Verdict verdict;
  Session session = run.session();
  std::set<int> asked_of_ca;
  run.store.transaction([&] {
    inventory::Intents intents(run.store);
    for (const inventory::IntentRecord& intent : intents.open_for(request.name)) {
      if (request.kind && intent.kind != *request.kind) continue;
      const std::string asked = fmt::format("{}, which {} asked for {}", in_words(intent.kind), asker(intent),
                                            base::format_time(intent.created));
      intents.end(intent.id, inventory::IntentOutcome::cancelled, now);
      asked_of_ca.merge(forget_failures(session, request.name, intent.kind));
      inventory::Events(run.store).add("intent.cancelled", subject_of(request.name),
                                       {{"intent", std::string(to_string(intent.kind))}, {"asked_by", intent.actor}},
                                       now);
      verdict.outcomes.push_back({subject_of(request.name), {}, "cancel", Result::done, asked});
      if (intent.kind == IntentKind::remove && intent.revoke)
        if (const std::string revoked =
                done_since(run.store, request.name, "certificate.revoked", "version", intent.created);
            !revoked.empty())
          verdict.outcomes.push_back({subject_of(request.name),
                                      {},
                                      "cancel",
                                      Result::warned,
                                      fmt::format("version {} is revoked already, for good: where it is in use another "
                                                  "is issued by the next run",
                                                  revoked)});
      if (!intent.delete_keys) continue;
      if (const std::string gone = done_since(run.store, request.name, kKeyDeleted, "versions", intent.created);
          !gone.empty())
        verdict.outcomes.push_back({subject_of(request.name),
                                    {},
                                    "cancel",
                                    Result::warned,
                                    fmt::format("the private key of version {} is destroyed already: what is in use "
                                                "without its key is issued anew by the next run",
                                                gone)});
    }
    if (!request.kind || request.kind == IntentKind::rollback)
      if (const auto held = end_hold(run.store, request.name, now))
        verdict.outcomes.push_back({subject_of(request.name),
                                    {},
                                    "cancel",
                                    Result::done,
                                    describe_hold(*held) + "; the next run puts the newest version in place"});
    inventory::Subjects(run.store).wake(inventory::certificate_subject(request.name), now);
    // Before the commit: a request that is withdrawn is not open again, whatever is lost.
    note_requests(session, request.name);
  });
  if (verdict.outcomes.empty())
    throw base::Error(base::Fault::not_found,
                      request.kind ? fmt::format("no {} of {} is waiting", in_words(*request.kind), request.name)
                                   : fmt::format("nothing that was asked for {} is waiting", request.name),
                      "`everseal plan` shows what is");
  if (auto rest = aftermath(run, request.name, asked_of_ca)) verdict.outcomes.push_back(*std::move(rest));
  return verdict;
}

namespace {

constexpr std::string_view kVerbs[] = {"deploy", "remove", "renew", "revoke", "rollback", "issue"};

constexpr base::Option kCancelFields[] = {
    {.name = "names", .type = base::OptionType::names, .summary = "the certificates", .required = true},
    {.name = "verb",
     .type = base::OptionType::choice,
     .summary = "which wish; without it whatever was asked for",
     .choices = kVerbs},
};

Answer run_cancel(const Host& host, const base::Options& request) {
  std::optional<IntentKind> kind;
  for (const Asked& one : kAsked)
    if (request.string("verb") == one.verb) kind = one.kind;
  const std::vector<Name> names = names_in(request, "names", "certificate name");
  if (names.empty())
    throw base::Error(base::Fault::usage, "--cancel wants the name of a certificate",
                      "`everseal plan` shows what was asked for");
  Answer answer;
  for (const Name& name : names) answer.verdict.append(cancel(host, {name, kind}));
  return answer;
}

}  // namespace

const Verb cancel_verb{"cancel",      1,         Needs::lease, "withdraw what was asked for and is not done yet",
                       kCancelFields, run_cancel};

}  // namespace everseal::reconcile
