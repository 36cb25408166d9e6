#include "reconcile/verbs/remove.h"

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "inventory/events.h"
#include "inventory/subjects.h"
#include "reconcile/fields.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"
#include "reconcile/requests.h"
#include "reconcile/steps.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::IntentRecord;

// What `removal` does and `other` does not, in words; "": nothing.
std::string beyond(const IntentRecord& removal, const IntentRecord& other) {
  std::vector<std::string> texts;
  if (removal.revoke && !other.revoke)
    texts.push_back(fmt::format("its revocation ({})", to_string(removal.reason)));
  else if (removal.revoke && removal.reason != other.reason)
    texts.push_back(fmt::format("the reason {}", to_string(removal.reason)));
  if (removal.delete_keys && !other.delete_keys) texts.emplace_back("the end of its private keys");
  return base::join(texts, " and ");
}

// What an earlier request asked for stays asked for.
IntentRecord joined(const IntentRecord& earlier, IntentRecord later) {
  if (earlier.revoke && (!later.revoke || !pki::is_graver(later.reason, earlier.reason))) later.reason = earlier.reason;
  later.revoke = later.revoke || earlier.revoke;
  later.delete_keys = later.delete_keys || earlier.delete_keys;
  return later;
}

// How a request stands beside the removal that was open already, in words.
struct Beside {
  std::string earlier;  // who asked for what
  std::string stands;   // of that, what is not asked for again; "": nothing
};
Beside beside(const IntentRecord& earlier, const IntentRecord& asked, const IntentRecord& joined) {
  const std::string more = beyond(joined, earlier);
  return {fmt::format("{} asked for its removal {}{}", asker(earlier), base::format_time(earlier.created),
                      more.empty() ? "" : fmt::format(", now for {} too", more)),
          beyond(joined, asked)};
}

// One removal is open of a name, whoever asks how often. nullopt: none was.
std::optional<Beside> ask(inventory::Store& store, const IntentRecord& asked) {
  inventory::Intents intents(store);
  std::optional<IntentRecord> earlier;
  std::vector<std::int64_t> open;
  for (const IntentRecord& one : intents.open_for(asked.subject)) {
    if (one.kind != inventory::IntentKind::remove) continue;
    earlier = earlier ? joined(*earlier, one) : one;
    open.push_back(one.id);
  }
  if (!earlier) {
    intents.add(asked);
    return std::nullopt;
  }
  IntentRecord wanted = joined(*earlier, asked);
  if (open.size() > 1 || !beyond(wanted, *earlier).empty()) {
    // Its time stays: who withdraws it hears what it destroyed since. Both are who asked.
    wanted.created = earlier->created;
    wanted.actor = asker(*earlier);
    if (asker(asked) != wanted.actor) wanted.actor += " and " + asker(asked);
    for (const std::int64_t id : open) intents.end(id, inventory::IntentOutcome::cancelled, asked.created);
    intents.add(wanted);
  }
  return beside(*earlier, asked, wanted);
}

std::optional<Time> removed_at(inventory::Store& store, const Name& name) {
  if (inventory::Managed(store).find(name)) return std::nullopt;
  std::optional<Time> when;
  inventory::Events(store).each({.subject = subject_of(name), .limit = 1}, [&](const inventory::EventRecord& event) {
    if (event.action == kRemoved) when = event.when;
  });
  return when;
}

// Of a name that is forgotten: done, or Error(denied) with what of the request is not so and who can do it.
Verdict already_removed(Run& run, const RemoveRequest& request, Time when) {
  Session session = run.session();
  std::vector<std::string> differences, remedies;
  const std::string archive = fmt::format("{}/archive/{}", run.host.state, request.name);
  for (const int number : session.archive.numbers(request.name)) {
    if (request.keys == Keys::destroy && session.archive.standing(request.name, number).has_key) {
      differences.push_back(fmt::format("the private key of version {} was kept", number));
      remedies.push_back(fmt::format("`rm {}/{}/{}`", archive, number, archive::kKeyFile));
    }
    if (request.certificate != OnRemoval::revoke) continue;
    const auto version = session.archive.read(request.name, number);
    const auto known = version ? session.certificates.find(version->chain.front().fingerprint()) : std::nullopt;
    if (!version || version->chain.front().not_after() <= run.host.clock()) continue;
    const auto reason = known ? known->revocation_reason.value_or(pki::RevocationReason::unspecified)
                              : pki::RevocationReason::unspecified;
    const bool is_revoked = known && known->revoked_at;
    if (is_revoked && !pki::is_graver(request.reason, reason)) continue;
    differences.push_back(is_revoked ? fmt::format("version {} is revoked ({})", number, to_string(reason))
                                     : fmt::format("version {} was not revoked", number));
    remedies.push_back(
        fmt::format("`everseal revoke --reason {} --cert {}/{}/cert.pem`", to_string(request.reason), archive, number));
  }
  const std::string text = fmt::format("is no longer kept alive since {}", base::format_time(when));
  if (!differences.empty())
    throw base::Error(base::Fault::denied,
                      fmt::format("{} {}, but {}", request.name, text, base::join(differences, " and ")),
                      fmt::format("nothing is done for it any more: {}", base::join(remedies, ", ")));
  return {.outcomes = {{subject_of(request.name), {}, "remove", Result::done, text}}};
}

}  // namespace

Verdict remove(const Host& host, const RemoveRequest& request) {
  Run run(host);
  if (const auto when = removed_at(run.store, request.name)) {
    require_unsaid(host, run.store, request.name);
    return already_removed(run, request, *when);
  }
  require_removable(host, require_managed(host, run.store, request.name));
  IntentRecord intent;
  intent.kind = inventory::IntentKind::remove;
  intent.subject = request.name;
  intent.revoke = request.certificate == OnRemoval::revoke;
  intent.delete_keys = request.keys == Keys::destroy;
  intent.reason = request.reason;
  intent.actor = run.store.actor();
  intent.created = host.clock();
  std::optional<Beside> before;
  run.store.transaction([&] {
    inventory::Subjects(run.store).skip_wait(inventory::certificate_subject(request.name), host.clock());
    before = ask(run.store, intent);
    Session session = run.session();
    remember_fragment(session, request.name);
    if (intent.delete_keys) know_targets(session, request.name);
  });
  Verdict verdict = reconcile_certificates(run, {request.name});
  if (!inventory::Managed(run.store).find(request.name)) {
    // What was wrong with a file that went with it is over.
    std::erase_if(verdict.outcomes, [](const Outcome& one) { return one.step == "config"; });
    const auto left = outcomes_of(problems_for(Desired(host, run.store).problems(), {request.name}));
    verdict.outcomes.insert(verdict.outcomes.begin(), left.begin(), left.end());
  }
  if (!before || verdict.outcomes.empty()) return verdict;
  std::string& told = verdict.outcomes.back().text;
  told += "; " + before->earlier;
  if (!before->stands.empty()) told += fmt::format(", and for {}", before->stands);
  if (!before->stands.empty() && inventory::Managed(run.store).find(request.name))
    told += fmt::format(", which stands: `everseal remove {} --cancel` withdraws what is not done yet", request.name);
  return verdict;
}

namespace {

constexpr base::Option kRemoveFields[] = {
    {.name = "name", .summary = "the certificate", .required = true},
    {.name = "revoke", .type = base::OptionType::boolean, .summary = "revoke it too"},
    {.name = "reason", .summary = "of the revocation: keyCompromise, cessationOfOperation (default), ..."},
    {.name = "delete_keys", .type = base::OptionType::boolean, .summary = "destroy its private keys too"},
};

Answer run_remove(const Host& host, const base::Options& request) {
  RemoveRequest wanted{.name = name_in(request, "name", "certificate name"),
                       .certificate = request.boolean("revoke") ? OnRemoval::revoke : OnRemoval::leave,
                       .keys = request.boolean("delete_keys") ? Keys::destroy : Keys::keep};
  if (request.has("reason")) {
    if (!request.boolean("revoke"))
      throw base::Error(base::Fault::usage, "--reason is of a revocation", "say --revoke too");
    wanted.reason = reason_in(request, "reason");
  }
  return {remove(host, wanted)};
}

}  // namespace

const Verb remove_verb{"remove", 1, Needs::lease, "stop keeping a certificate alive", kRemoveFields, run_remove};

}  // namespace everseal::reconcile
