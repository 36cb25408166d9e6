#include "inventory/audit_runs.h"

#include "base/text.h"
#include "inventory/columns.h"
#include "inventory/rows.h"

#include <algorithm>

namespace everseal::inventory {
namespace {

constexpr std::string_view kRunColumns =
    "select id, scope, what, started, ended, complete, looked, failed, policy, policy_hash, actor from audit_run ";

// Stored as lines: what holds where no environment says otherwise, then "POLICY", a tab and the environment of each
// that does; their digests beside it, line by line.
std::string policies_text(const AuditRunRecord& run) {
  std::string text = run.policy;
  for (const EnvironmentPolicy& one : run.by_environment) text += '\n' + one.policy + '\t' + one.environment;
  return text;
}

std::string hashes_text(const AuditRunRecord& run) {
  std::string text = run.policy_hash;
  for (const EnvironmentPolicy& one : run.by_environment) text += '\n' + one.hash;
  return text;
}

void take_policies(std::string_view policies, std::string_view hashes, AuditRunRecord& run) {
  const std::vector<std::string> lines = base::split(policies, '\n'), digests = base::split(hashes, '\n');
  run.policy = lines.front();
  run.policy_hash = digests.front();
  for (std::size_t i = 1; i < std::min(lines.size(), digests.size()); ++i) {
    const auto tab = lines[i].find('\t');
    if (tab == std::string::npos) continue;
    run.by_environment.push_back({lines[i].substr(tab + 1), lines[i].substr(0, tab), digests[i]});
  }
}

AuditRunRecord read_run(const sql::Statement& row) {
  AuditRunRecord run{.id = row.integer(0),
                     .scope = text_at(row, 1),
                     .what = text_at(row, 2),
                     .started = time_at(row, 3),
                     .ended = optional_at(row, 4, time_at),
                     .complete = flag_at(row, 5),
                     .looked = row.integer(6),
                     .failed = row.integer(7),
                     .policy = {},
                     .policy_hash = {},
                     .actor = text_at(row, 10)};
  take_policies(text_at(row, 8), text_at(row, 9), run);
  return run;
}

}  // namespace

std::int64_t AuditRuns::begin(const AuditRunRecord& run) {
  sql::Query query(store_.database(),
                   "insert into audit_run (scope, what, started, complete, looked, failed, policy, policy_hash, actor) "
                   "values ($1, $2, $3, 0, 0, 0, $4, $5, $6) returning id");
  query->bind(1, run.scope)
      .bind(2, run.what)
      .bind(3, base::to_unix(run.started))
      .bind(4, policies_text(run))
      .bind(5, hashes_text(run))
      .bind(6, run.actor.empty() ? store_.actor() : run.actor);
  query->step();
  const std::int64_t id = query->integer(0);
  query->execute();
  return id;
}

void AuditRuns::end(const AuditRunRecord& run) {
  sql::Query query(store_.database(),
                   "update audit_run set ended = $2, complete = $3, looked = $4, failed = $5 where id = $1");
  query->bind(1, run.id)
      .bind(2, unix_of(run.ended))
      .bind(3, run.complete ? 1 : 0)
      .bind(4, run.looked)
      .bind(5, run.failed)
      .execute();
}

std::optional<AuditRunRecord> AuditRuns::last(const std::string& scope, std::int64_t but) {
  sql::Query query(store_.database(),
                   std::string(kRunColumns) + "where scope = $1 and id <> $2 order by started desc, id desc limit 1");
  query->bind(1, scope).bind(2, but);
  return first_row(query, read_run);
}

std::optional<AuditRunRecord> AuditRuns::newest(Time until) {
  sql::Query query(store_.database(),
                   std::string(kRunColumns) + "where started <= $1 order by started desc, id desc limit 1");
  query->bind(1, base::to_unix(until));
  return first_row(query, read_run);
}

std::vector<AuditRunRecord> AuditRuns::between(Time from, Time until) {
  sql::Query query(store_.database(),
                   std::string(kRunColumns) + "where started >= $1 and started < $2 order by started, id");
  query->bind(1, base::to_unix(from)).bind(2, base::to_unix(until));
  return all_rows(query, read_run);
}

std::int64_t AuditRuns::prune(Time before, int limit) {
  sql::Query query(
      store_.database(),
      "delete from audit_run where id in (select id from audit_run where started < $1 order by started limit $2)");
  return query->bind(1, base::to_unix(before)).bind(2, limit).execute();
}

}  // namespace everseal::inventory
