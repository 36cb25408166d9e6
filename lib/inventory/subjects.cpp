#include "inventory/subjects.h"

#include "inventory/columns.h"
#include "inventory/rows.h"

namespace everseal::inventory {

std::vector<DueSubject> Subjects::due(std::string_view kind, Time now, const std::optional<DueSubject>& after,
                                      int limit) {
  sql::Query query(store_.database(),
                   "select name, look_again from subject where look_again <= $1 and kind = $2 "
                   "and (look_again, kind, name) > ($3, $4, $5) order by look_again, kind, name limit $6");
  // Before all of them where there is no `after`: times of ours are not negative.
  query->bind(1, base::to_unix(now))
      .bind(2, kind)
      .bind(3, after ? base::to_unix(after->look_again) : std::int64_t{-1})
      .bind(4, kind)
      .bind(5, after ? after->name.text() : std::string())
      .bind(6, limit);
  return all_rows(query, [](const sql::Statement& row) { return DueSubject{name_at(row, 0), time_at(row, 1)}; });
}

std::optional<Time> Subjects::next_due() {
  sql::Query query(store_.database(),
                   "select look_again from subject where look_again is not null order by look_again limit 1");
  return first_row(query, [](const sql::Statement& row) { return time_at(row, 0); });
}

std::optional<Time> Subjects::look_again(const SubjectId& subject) {
  sql::Query query(store_.database(),
                   "select look_again from subject where kind = $1 and name = $2 and look_again is not null");
  query->bind(1, subject.kind).bind(2, subject.name.text());
  return first_row(query, [](const sql::Statement& row) { return time_at(row, 0); });
}

void Subjects::wake(const SubjectId& subject, Time when) {
  sql::Query query(store_.database(),
                   "insert into subject (kind, name, look_again) values ($1, $2, $3) on conflict (kind, name) do "
                   "update set look_again = min(coalesce(look_again, $3), $3)");
  query->bind(1, subject.kind).bind(2, subject.name.text()).bind(3, base::to_unix(when)).execute();
}

void Subjects::skip_wait(const SubjectId& subject, Time now) {
  const ArtifactKind artifact = subject == authority_subject(subject.name) ? ArtifactKind::crl : ArtifactKind::version;
  store_.transaction([&] {
    sql::Query attempts(store_.database(),
                        "update attempt set not_before = null, needs_operator = 0 where subject = $1");
    attempts->bind(1, subject.text()).execute();
    sql::Query deployments(store_.database(),
                           "update deployment set not_before = null where artifact = $1 and owner = $2");
    deployments->bind(1, to_string(artifact)).bind(2, subject.name.text()).execute();
    wake(subject, now);
  });
}

void Subjects::wake_all(std::string_view kind, Time when) {
  sql::Query query(store_.database(),
                   "update subject set look_again = $2 where kind = $1 and coalesce(look_again, $2 + 1) > $2");
  query->bind(1, kind).bind(2, base::to_unix(when)).execute();
}

void Subjects::rest(const SubjectId& subject, std::optional<Time> look_again) {
  sql::Query query(store_.database(),
                   "insert into subject (kind, name, look_again) values ($1, $2, $3) on conflict (kind, name) do "
                   "update set look_again = $3");
  query->bind(1, subject.kind).bind(2, subject.name.text()).bind(3, unix_of(look_again)).execute();
}

void Subjects::forget(const SubjectId& subject) {
  sql::Query query(store_.database(), "delete from subject where kind = $1 and name = $2");
  query->bind(1, subject.kind).bind(2, subject.name.text()).execute();
}

}  // namespace everseal::inventory
