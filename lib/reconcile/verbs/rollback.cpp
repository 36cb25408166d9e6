#include "reconcile/verbs/rollback.h"

#include "base/error.h"
#include "reconcile/facts.h"
#include "reconcile/fields.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"

#include <ranges>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

int version_to_go_back_to(const plan::CertificateFacts& facts, const archive::Archive& archive,
                          const RollbackRequest& request, Time now) {
  const plan::VersionFacts* const used = plan::version_in_use(facts, now);
  for (const plan::VersionFacts& version : facts.versions | std::views::reverse) {
    const inventory::VersionRecord& record = version.record;
    if (request.to ? record.number != *request.to : used == nullptr || record.number >= used->record.number) continue;
    const auto refuse = [&](std::string_view why) {
      throw base::Error(base::Fault::denied, fmt::format("version {} of {} {}", record.number, request.name, why),
                        fmt::format("`everseal renew {} --force` makes a new version instead", request.name));
    };
    if (!record.not_after) refuse("was never completed");
    if (*record.not_after <= now) refuse("has expired");
    if (*record.not_before > now)
      refuse(fmt::format("is valid from {} on only", base::format_time(*record.not_before)));
    if (record.revoked_at) refuse("is revoked");
    const archive::Standing standing = archive.standing(request.name, record.number);
    if (!standing.exists) refuse("is gone from the archive");
    if (facts.key_owner == inventory::KeyOwner::ours && (!record.has_key || !standing.has_key))
      refuse("has no private key any more");
    return record.number;
  }
  if (request.to)
    throw base::Error(base::Fault::not_found, fmt::format("{} has no version {}", request.name, *request.to));
  throw base::Error(base::Fault::denied, fmt::format("{} has no earlier version", request.name));
}

}  // namespace

Verdict rollback(const Host& host, const RollbackRequest& request) {
  Run run(host);
  require_kept(host, run.store, require_managed(host, run.store, request.name));
  require_not_leaving(run.store, request.name);
  {
    Session session = run.session();
    const int to =
        version_to_go_back_to(certificate_facts(session, request.name), session.archive, request, host.clock());
    inventory::Intents(run.store).add(
        {.kind = inventory::IntentKind::rollback, .subject = request.name, .version = to, .created = host.clock()});
  }
  return reconcile_certificates(run, {request.name});
}

namespace {

constexpr base::Option kRollbackFields[] = {
    {.name = "name", .summary = "the certificate", .required = true},
    {.name = "to",
     .type = base::OptionType::integer,
     .summary = "this version; default: the one before the version in use",
     .lowest = 1,
     .highest = std::numeric_limits<int>::max()},
};

Answer run_rollback(const Host& host, const base::Options& request) {
  RollbackRequest wanted{name_in(request, "name", "certificate name"), std::nullopt};
  if (request.has("to")) wanted.to = static_cast<int>(request.integer("to"));
  return {rollback(host, wanted)};
}

}  // namespace

const Verb rollback_verb{"rollback",      1,           Needs::lease, "go back to an earlier version and stay there",
                         kRollbackFields, run_rollback};

}  // namespace everseal::reconcile
