#include "inventory/managed.h"

#include "base/number.h"
#include "base/text.h"
#include "inventory/columns.h"
#include "inventory/events.h"
#include "inventory/rows.h"
#include "inventory/subjects.h"

#include <optional>
#include <set>
#include <utility>

namespace everseal::inventory {
namespace {

constexpr std::string_view kManagedColumns =
    "select name, spec, spec_hash, origin, environment, key_owner, orphaned, pinned from managed ";

ManagedRecord read_managed(const sql::Statement& row) {
  ManagedRecord record;
  record.name = name_at(row, 0);
  record.spec = text_at(row, 1);
  record.spec_hash = text_at(row, 2);
  record.origin = text_at(row, 3);
  record.environment = text_at(row, 4);
  record.key_owner = enum_at(row, 5, parse_key_owner, "a key's owner");
  record.orphaned = flag_at(row, 6);
  record.pinned = optional_at(row, 7, int_at);
  return record;
}

constexpr std::string_view kInUse =
    "select m.name, v.number, v.has_key, (select group_concat(d.paths, char(10)) from deployment d "
    "where d.artifact = 'version' and d.owner = m.name and d.state in ('verified', 'unverifiable', 'unverified') "
    "and d.paths <> ''), (select value from setting where key = 'files.seen/' || m.name) "
    "from managed m join version v on v.name = m.name and v.state = 'live' ";

std::string seen_key(const Name& name) { return "files.seen/" + name.text(); }
std::string fragment_key(const Name& name) { return "removal.fragment/" + name.text(); }
std::string sent_key(const Name& name) { return "revocation.sent/" + name.text(); }

InUseRecord read_in_use(const sql::Statement& row) {
  InUseRecord record{
      .name = name_at(row, 0), .number = int_at(row, 1), .has_key = flag_at(row, 2), .paths = {}, .seen = {}};
  if (!row.is_null(3))
    for (std::string& path : base::split(row.text(3), '\n')) record.paths.push_back(std::move(path));
  if (!row.is_null(4)) record.seen = row.text(4);
  return record;
}

// What the config says and replace_all compares.
struct Known {
  std::string spec_hash;
  std::string origin;
  bool orphaned = false;
};

std::optional<Known> known_as(sql::Database& database, const Name& name) {
  sql::Query query(database, "select spec_hash, origin, orphaned from managed where name = $1");
  query->bind(1, name.text());
  return first_row(query, [](const sql::Statement& row) {
    return Known{text_at(row, 0), text_at(row, 1), flag_at(row, 2)};
  });
}

// False where it is wanted as before.
bool take(Store& store, const ManagedRecord& wanted, const std::optional<Known>& known, Time now) {
  const bool changed = !known || known->orphaned || known->spec_hash != wanted.spec_hash;
  if (!changed && known->origin == wanted.origin) return false;
  if (!changed) {
    sql::Query query(store.database(), "update managed set origin = $2 where name = $1");
    query->bind(1, wanted.name.text()).bind(2, wanted.origin).execute();
    return false;
  }
  Managed managed(store);
  ManagedRecord record = wanted;
  record.orphaned = false;
  if (known) record.pinned = managed.find(wanted.name)->pinned;
  managed.put(record);
  managed.retry_now(record.name, now);
  const std::string_view action = !known            ? "certificate.managed"
                                  : known->orphaned ? "certificate.readopted"
                                                    : "certificate.reconfigured";
  Events(store).add(action, certificate_subject(wanted.name).text(),
                    {{"origin", wanted.origin}, {"spec", wanted.spec_hash}}, now);
  return true;
}

void orphan(Store& store, const Name& name, const std::string& origin, Time now) {
  sql::Query query(store.database(), "update managed set orphaned = 1 where name = $1");
  query->bind(1, name.text()).execute();
  const SubjectId subject = certificate_subject(name);
  Subjects(store).wake(subject, now);
  Events(store).add("certificate.orphaned", subject.text(), {{"origin", origin}}, now);
}

// By name, at most `limit` behind `after`: those that the config once named, with where that was.
std::vector<std::pair<Name, std::string>> configured(sql::Database& database, const std::string& after, int limit) {
  sql::Query query(database,
                   "select name, origin from managed where name > $1 and orphaned = 0 and origin <> 'once' "
                   "order by name limit $2");
  query->bind(1, after).bind(2, limit);
  return all_rows(query, [](const sql::Statement& row) { return std::pair(name_at(row, 0), text_at(row, 1)); });
}

}  // namespace

std::vector<Name> Managed::replace_all(std::span<const ManagedRecord> wanted, Time now, const Stays& stays) {
  constexpr int kPage = 1000;
  std::vector<Name> changed;
  store_.transaction([&] {
    std::set<std::string_view> names;
    for (const ManagedRecord& record : wanted) {
      names.insert(record.name.text());
      if (take(store_, record, known_as(store_.database(), record.name), now)) changed.push_back(record.name);
    }
    std::string behind;
    for (;;) {
      const auto page = configured(store_.database(), behind, kPage);
      for (const auto& [name, origin] : page)
        if (!names.contains(name.text()) && (!stays || !stays(name, origin))) orphan(store_, name, origin, now);
      if (page.size() < static_cast<std::size_t>(kPage)) break;
      behind = page.back().first.text();
    }
  });
  return changed;
}

void Managed::put(const ManagedRecord& record) {
  store_.transaction([&] {
    sql::Query query(store_.database(),
                     "insert into managed (name, spec, spec_hash, origin, environment, key_owner, orphaned, pinned) "
                     "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (name) do update set "
                     "spec = $2, spec_hash = $3, origin = $4, environment = $5, key_owner = $6, orphaned = $7, "
                     "pinned = $8");
    query->bind(1, record.name.text())
        .bind(2, record.spec)
        .bind(3, record.spec_hash)
        .bind(4, record.origin)
        .bind(5, record.environment)
        .bind(6, to_string(record.key_owner))
        .bind(7, record.orphaned ? 1 : 0)
        .bind(8, record.pinned)
        .execute();
    Subjects(store_).wake(certificate_subject(record.name), Time{});
    sql::Query label(store_.database(),
                     "update certificate set environment = nullif($2, '') "
                     "where managed = $1 and coalesce(environment, '') <> $2");
    label->bind(1, record.name.text()).bind(2, record.environment).execute();
  });
}

std::optional<ManagedRecord> Managed::find(const Name& name) {
  sql::Query query(store_.database(), std::string(kManagedColumns) + "where name = $1");
  query->bind(1, name.text());
  return first_row(query, read_managed);
}

std::vector<ManagedRecord> Managed::all() {
  sql::Query query(store_.database(), std::string(kManagedColumns) + "order by name");
  return all_rows(query, read_managed);
}

std::vector<Name> Managed::names() {
  sql::Query query(store_.database(), "select name from managed order by name");
  return all_rows(query, [](const sql::Statement& row) { return name_at(row, 0); });
}

void Managed::set_pinned(const Name& name, std::optional<int> version) {
  sql::Query query(store_.database(), "update managed set pinned = $2 where name = $1");
  query->bind(1, name.text()).bind(2, version).execute();
}

std::vector<InUseRecord> Managed::in_use(const std::optional<Name>& after, int limit) {
  sql::Query query(store_.database(),
                   std::string(kInUse) + "where m.name > $1 and m.orphaned = 0 order by m.name limit $2");
  query->bind(1, after ? after->text() : std::string()).bind(2, limit);
  return all_rows(query, read_in_use);
}

std::optional<InUseRecord> Managed::in_use(const Name& name) {
  sql::Query query(store_.database(), std::string(kInUse) + "where m.name = $1 and m.orphaned = 0");
  query->bind(1, name.text());
  return first_row(query, read_in_use);
}

void Managed::set_seen(const Name& name, const std::string& seen) { store_.set_setting(seen_key(name), seen); }

std::string Managed::fragment_seen(const Name& name) { return store_.setting(fragment_key(name)).value_or(""); }

void Managed::set_fragment_seen(const Name& name, const std::string& look) {
  store_.set_setting(fragment_key(name), look);
}

std::optional<int> Managed::revocation_sent(const Name& name) {
  return base::parse_number<int>(store_.setting(sent_key(name)).value_or(""));
}

void Managed::set_revocation_sent(const Name& name, std::optional<int> version) {
  if (version == revocation_sent(name)) return;
  store_.transaction([&] { store_.set_setting(sent_key(name), version ? std::to_string(*version) : ""); });
}

std::vector<ManagedRecord> Managed::orphans(int limit) {
  sql::Query query(store_.database(), std::string(kManagedColumns) + "where orphaned = 1 order by name limit $1");
  query->bind(1, limit);
  return all_rows(query, read_managed);
}

std::int64_t Managed::count_orphans() {
  sql::Query query(store_.database(), "select count(*) from managed where orphaned = 1");
  query->step();
  return query->integer(0);
}

std::optional<Name> Managed::same_names(const ManagedRecord& record) {
  sql::Query query(store_.database(),
                   "select name from managed where orphaned = 0 and name <> $1 and json_valid(spec) "
                   "and json_extract(spec, '$.identifiers') = json_extract($2, '$.identifiers') limit 1");
  query->bind(1, record.name.text()).bind(2, record.spec);
  return first_row(query, [](const sql::Statement& row) { return name_at(row, 0); });
}

void Managed::retry_now(const Name& name, Time now) {
  store_.transaction([&] {
    Attempts(store_).clear_all(certificate_subject(name).text());
    Subjects(store_).skip_wait(certificate_subject(name), now);
  });
}

void Managed::remove(const Name& name) {
  store_.transaction([&] {
    Versions(store_).forget(name);
    Attempts(store_).clear_all(certificate_subject(name).text());
    Subjects(store_).forget(certificate_subject(name));
    for (const std::string_view sql :
         {"delete from deployment where artifact = 'version' and owner = $1",
          "delete from former_place where artifact = 'version' and owner = $1",
          "delete from intent where subject = $1 and done_at is null", "delete from managed where name = $1"}) {
      sql::Query query(store_.database(), sql);
      query->bind(1, name.text()).execute();
    }
    sql::Query settings(store_.database(), "delete from setting where key in ($1, $2, $3)");
    settings->bind(1, seen_key(name)).bind(2, sent_key(name)).bind(3, fragment_key(name)).execute();
  });
}

}  // namespace everseal::inventory
