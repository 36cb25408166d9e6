#include "reconcile/verbs/renew.h"

#include "base/error.h"
#include "inventory/authorities.h"
#include "inventory/subjects.h"
#include "reconcile/fields.h"
#include "reconcile/mends.h"
#include "reconcile/named.h"
#include "reconcile/overview.h"
#include "reconcile/reconcile.h"
#include "reconcile/remarks.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// Whatever else is asked for, once.
void ask_for_renewal(inventory::Store& store, const Name& name, Time now) {
  inventory::Intents intents(store);
  const auto open = intents.open_for(name);
  if (std::ranges::find(open, inventory::IntentKind::force_renew, &inventory::IntentRecord::kind) != open.end()) return;
  inventory::IntentRecord intent;
  intent.kind = inventory::IntentKind::force_renew;
  intent.subject = name;
  intent.created = now;
  intents.add(intent);
}

}  // namespace

Verdict renew(const Host& host, const RenewRequest& request) {
  Run run(host);
  std::vector<Name> names = request.names;
  if (names.empty() && (request.all || request.force == Force::yes))
    for (const inventory::ManagedRecord& record : inventory::Managed(run.store).all())
      if (!record.orphaned && record.origin != kOnce) names.push_back(record.name);
  const Time now = host.clock();
  if (request.all)
    run.store.transaction([&] {
      for (const inventory::AuthorityRecord& one : inventory::Authorities(run.store).all())
        inventory::Subjects(run.store).skip_wait(inventory::authority_subject(one.name), now);
    });
  if (names.empty()) return reconcile_due(run);
  for (const Name& name : names) {
    const inventory::ManagedRecord record = require_managed(host, run.store, name);
    if (request.force == Force::yes && !request.names.empty()) {
      require_not_leaving(run.store, name);
      require_kept(host, run.store, record);
    }
    if (request.force == Force::yes && record.key_owner == inventory::KeyOwner::external)
      throw base::Error(base::Fault::denied,
                        fmt::format("the key of {} lives elsewhere, so nothing here can ask for a new version", name),
                        fmt::format("`everseal issue --csr FILE --as {} --replace` takes its next request", name));
  }
  run.store.transaction([&] {
    for (const Name& name : names) {
      inventory::Subjects(run.store).skip_wait(inventory::certificate_subject(name), now);
      if (!request.names.empty()) ask_to_mend(run.store, subject_of(name), now);
      if (request.force == Force::yes) ask_for_renewal(run.store, name, now);
    }
  });
  // All of them is what a plain run does as well: CRLs, and what is gone from the disk.
  if (request.names.empty()) return reconcile_due(run);
  Verdict verdict = reconcile_certificates(run, names);
  for (const Name& name : names) {
    const auto record = inventory::Managed(run.store).find(name);
    const bool is_told =
        std::ranges::find(verdict.outcomes, subject_of(name), &Outcome::subject) != verdict.outcomes.end();
    if (record && record->origin == kOnce && !is_told)
      verdict.remarks.push_back({"once", subject_of(name), "it was issued once, and nothing renews it",
                                 fmt::format("`everseal renew --force {}` gets a new version", name)});
    if (!record || !record->orphaned) continue;
    // What was asked for before it left is done all the same.
    if (!is_told)
      verdict.outcomes.push_back(failure(subject_of(name), {}, "issue", not_kept(host, run.store, *record)));
    else
      verdict.remarks.push_back(orphan_remark(host, run.store, *record));
  }
  if (run.clock.trusted) return verdict;
  verdict.outcomes.push_back(failure("store", {}, "clock", inventory::untrusted_clock(run.clock)));
  if (request.force == Force::yes)
    for (const Name& name : names)
      verdict.remarks.push_back({"requested", subject_of(name),
                                 "its renewal stays asked for until the clock is believed",
                                 fmt::format("`everseal renew {} --cancel` withdraws it", name)});
  return verdict;
}

namespace {

// "25 certificates: 20 at corp, 5 at letsencrypt"
std::string counted_by_issuer(const Host& host) {
  inventory::Store store = open_store(host, sql::Access::read_only);
  std::map<Name, int> counts;
  int all = 0;
  for (const ManagedCertificate& one : overview(host, store).certificates) {
    if (one.record.orphaned || one.record.origin == kOnce || !one.wanted) continue;
    ++all;
    ++counts[one.wanted->issuers.front()];
  }
  std::string text;
  for (const auto& [issuer, count] : counts) text += fmt::format("{}{} at {}", text.empty() ? "" : ", ", count, issuer);
  return fmt::format("{} certificate{}{}{}", all, all == 1 ? "" : "s", text.empty() ? "" : ": ", text);
}

constexpr base::Option kRenewFields[] = {
    {.name = "names", .type = base::OptionType::names, .summary = "only these, now, whatever their back-off"},
    {.name = "all", .type = base::OptionType::boolean, .summary = "all of them, now, whatever their back-off"},
    {.name = "force",
     .type = base::OptionType::boolean,
     .summary = "get a new version, due or not, of the NAMEs or of --all"},
};

Answer run_renew(const Host& host, const base::Options& request) {
  const RenewRequest wanted = renew_request(request);
  if (wanted.force == Force::yes && !wanted.all && wanted.names.empty())
    throw base::Error(base::Fault::usage,
                      fmt::format("--force alone would get a new version of {}", counted_by_issuer(host)),
                      "name those that are meant, or say `everseal renew --force --all`");
  return {renew(host, wanted)};
}

}  // namespace

RenewRequest renew_request(const base::Options& fields) {
  RenewRequest wanted{.names = names_in(fields, "names", "certificate name"),
                      .force = fields.boolean("force") ? Force::yes : Force::no,
                      .all = fields.boolean("all")};
  if (wanted.all && !wanted.names.empty())
    throw base::Error(base::Fault::usage, "--all and a name contradict each other", "give one of them");
  return wanted;
}

const Verb renew_verb{"renew", 1, Needs::lease, "do what is due: renew, deploy, verify", kRenewFields, run_renew};

}  // namespace everseal::reconcile
