#include "inventory/columns.h"
#include "inventory/managed.h"
#include "inventory/rows.h"

namespace everseal::inventory {
namespace {

constexpr std::string_view kAttemptColumns =
    "select step, subject, target, count, problem, fault, needs_operator, not_before, last from attempt ";

AttemptRecord read_attempt(const sql::Statement& row) {
  return {.step = text_at(row, 0),
          .subject = text_at(row, 1),
          .target = text_at(row, 2),
          .count = int_at(row, 3),
          .problem = text_at(row, 4),
          .fault = text_at(row, 5),
          .needs_operator = flag_at(row, 6),
          .not_before = optional_at(row, 7, time_at),
          .last = time_at(row, 8)};
}

}  // namespace

std::vector<AttemptRecord> Attempts::of(const std::string& subject) {
  sql::Query query(store_.database(), std::string(kAttemptColumns) + "where subject = $1 order by step, target");
  query->bind(1, subject);
  return all_rows(query, read_attempt);
}

std::optional<AttemptRecord> Attempts::find(const std::string& step, const std::string& subject,
                                            const std::string& target) {
  sql::Query query(store_.database(),
                   std::string(kAttemptColumns) + "where subject = $1 and step = $2 and target = $3");
  query->bind(1, subject).bind(2, step).bind(3, target);
  return first_row(query, read_attempt);
}

void Attempts::put(const AttemptRecord& attempt) {
  sql::Query query(
      store_.database(),
      "insert into attempt (subject, step, target, count, problem, not_before, last, fault, needs_operator) "
      "values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (subject, step, target) do update set "
      "count = $4, problem = $5, not_before = $6, last = $7, fault = $8, needs_operator = $9");
  query->bind(1, attempt.subject)
      .bind(2, attempt.step)
      .bind(3, attempt.target)
      .bind(4, attempt.count)
      .bind(5, attempt.problem)
      .bind(6, unix_of(attempt.not_before))
      .bind(7, base::to_unix(attempt.last))
      .bind(8, attempt.fault)
      .bind(9, attempt.needs_operator ? 1 : 0)
      .execute();
}

void Attempts::clear(const std::string& step, const std::string& subject, const std::string& target) {
  sql::Query query(store_.database(), "delete from attempt where subject = $1 and step = $2 and target = $3");
  query->bind(1, subject).bind(2, step).bind(3, target).execute();
}

void Attempts::clear_all(const std::string& subject) {
  sql::Query query(store_.database(), "delete from attempt where subject = $1");
  query->bind(1, subject).execute();
}

std::vector<AttemptRecord> Attempts::for_operator(int limit) {
  sql::Query query(store_.database(),
                   std::string(kAttemptColumns) + "where needs_operator = 1 order by subject, step limit $1");
  query->bind(1, limit);
  return all_rows(query, read_attempt);
}

std::vector<AttemptRecord> Attempts::waiting(int limit) {
  sql::Query query(store_.database(),
                   std::string(kAttemptColumns) + "where needs_operator = 0 order by subject, step, target limit $1");
  query->bind(1, limit);
  return all_rows(query, read_attempt);
}

std::int64_t Attempts::count() {
  sql::Query query(store_.database(), "select count(*) from attempt");
  query->step();
  return query->integer(0);
}

}  // namespace everseal::inventory
