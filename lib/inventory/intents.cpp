#include "inventory/columns.h"
#include "inventory/managed.h"
#include "inventory/rows.h"
#include "inventory/subjects.h"

namespace everseal::inventory {
namespace {

IntentRecord read_intent(const sql::Statement& row) {
  IntentRecord intent;
  intent.id = row.integer(0);
  intent.kind = enum_at(row, 1, parse_intent_kind, "an intent's kind");
  intent.subject = name_at(row, 2);
  intent.version = optional_at(row, 3, int_at);
  intent.reason = reason_at(row, 4);
  intent.csr = bytes_at(row, 5);
  intent.created = time_at(row, 6);
  intent.actor = text_at(row, 7);
  intent.revoke = flag_at(row, 8);
  intent.delete_keys = flag_at(row, 9);
  return intent;
}

std::int64_t insert(Store& store, const IntentRecord& intent) {
  sql::Query query(store.database(),
                   "insert into intent (kind, subject, version, reason, csr, created, actor, revoke, delete_keys) "
                   "values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id");
  query->bind(1, to_string(intent.kind))
      .bind(2, intent.subject.text())
      .bind(3, intent.version)
      .bind(4, static_cast<std::int64_t>(intent.reason))
      .bind(5, intent.csr)
      .bind(6, base::to_unix(intent.created))
      .bind(7, intent.actor.empty() ? store.actor() : intent.actor)
      .bind(8, intent.revoke ? 1 : 0)
      .bind(9, intent.delete_keys ? 1 : 0);
  query->step();
  const std::int64_t id = query->integer(0);
  query->execute();  // to its end, which commits it
  return id;
}

}  // namespace

std::int64_t Intents::add(const IntentRecord& intent) {
  std::int64_t id = 0;
  store_.transaction([&] {
    id = insert(store_, intent);
    Subjects(store_).wake(certificate_subject(intent.subject), Time{});
  });
  return id;
}

std::vector<IntentRecord> Intents::open_for(const Name& subject) {
  sql::Query query(store_.database(),
                   "select id, kind, subject, version, reason, csr, created, actor, revoke, delete_keys from intent "
                   "where subject = $1 and done_at is null order by id");
  query->bind(1, subject.text());
  return all_rows(query, read_intent);
}

std::optional<IntentRecord> Intents::open_removal(const Name& subject) {
  std::optional<IntentRecord> newest;
  for (IntentRecord& intent : open_for(subject))
    if (intent.kind == IntentKind::remove) newest = std::move(intent);
  return newest;
}

void Intents::end(std::int64_t id, IntentOutcome outcome, Time now) {
  sql::Query query(store_.database(), "update intent set done_at = $2, outcome = $3 where id = $1 and done_at is null");
  query->bind(1, id).bind(2, base::to_unix(now)).bind(3, to_string(outcome)).execute();
}

std::int64_t Intents::prune(Time before, int limit) {
  sql::Query query(store_.database(),
                   "delete from intent where id in (select id from intent order by id limit $2) and done_at < $1");
  return query->bind(1, base::to_unix(before)).bind(2, limit).execute();
}

}  // namespace everseal::inventory
