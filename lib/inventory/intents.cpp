#include "inventory/columns.h"
#include "inventory/managed.h"
#include "inventory/rows.h"

namespace everseal::inventory {
namespace {

IntentRecord read(const sql::Statement& row) {
  IntentRecord intent;
  intent.id = row.integer(0);
  intent.kind = enum_at(row, 1, parse_intent_kind, "an intent's kind");
  intent.subject = name_at(row, 2);
  intent.version = optional_at(row, 3, int_at);
  intent.reason = reason_at(row, 4);
  intent.csr = bytes_at(row, 5);
  intent.created = time_at(row, 6);
  return intent;
}

}  // namespace

std::int64_t Intents::add(const IntentRecord& intent) {
  sql::Query query(store_.database(),
                   "insert into intent (kind, subject, version, reason, csr, created) values ($1, $2, $3, $4, $5, $6) "
                   "returning id");
  query->bind(1, to_string(intent.kind))
      .bind(2, intent.subject.text())
      .bind(3, intent.version)
      .bind(4, static_cast<std::int64_t>(intent.reason))
      .bind(5, intent.csr)
      .bind(6, base::to_unix(intent.created));
  query->step();
  const std::int64_t id = query->integer(0);
  query->execute();  // to its end, which commits it
  return id;
}

std::vector<IntentRecord> Intents::open_for(const Name& subject) {
  sql::Query query(store_.database(),
                   "select id, kind, subject, version, reason, csr, created from intent "
                   "where subject = $1 and done_at is null order by id");
  query->bind(1, subject.text());
  return all_rows(query, read);
}

void Intents::done(std::int64_t id, Time now) {
  sql::Query query(store_.database(), "update intent set done_at = $2 where id = $1 and done_at is null");
  query->bind(1, id).bind(2, base::to_unix(now)).execute();
}

}  // namespace everseal::inventory
