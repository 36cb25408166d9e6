#include "inventory/replace.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "inventory/backup.h"
#include "inventory/kinship.h"
#include "inventory/merge.h"
#include "inventory/salvage.h"
#include "inventory/state_directory.h"
#include "inventory/store_access.h"
#include "inventory/subjects.h"
#include "pki/crl.h"
#include "sql/migration.h"
#include "sql/query.h"

#include <cerrno>
#include <memory>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace everseal::inventory {
namespace {

using base::Directory;
using base::Error;
using base::Fault;

constexpr const char* kIncoming = "everseal.db.incoming";

// "20261123T221130Z"
std::string compact(Time time) {
  std::string text = base::format_time(time);
  std::erase(text, '-');
  std::erase(text, ':');
  return text;
}

// What is wrong with that file says nothing of the present database.
void require_sound_backup(const std::string& file) try {
  const auto backup = sql::open(file, sql::Access::read_only);
  sql::require_known_schema(*backup);
  if (sql::schema_version(*backup) == 0)
    throw Error(Fault::invalid, fmt::format("{} is an empty database", file),
                "name a file that `everseal backup` wrote");
  backup->check_integrity();
} catch (const Error& error) {
  if (error.fault() != Fault::corrupt) throw;
  throw Error(error.fault(), error.message(),
              "name a file that `everseal backup` wrote; the present database is as it was");
}

bool is_empty(sql::Database& database) {
  sql::Query tables(database, "select count(*) from sqlite_schema");
  tables->step();
  return tables->integer(0) == 0;
}

// The database that is to be replaced; nullopt where there is none, it is empty or it cannot be opened.
std::optional<Store> open_present(const Directory& state, Replacement& outcome) {
  if (!state.has(kDatabase)) return std::nullopt;
  try {
    auto database = sql::open(database_file(state.path()), sql::Access::read_write);
    if (!is_empty(*database)) return Store::over(state.path(), std::move(database));
    outcome.problems.emplace_back("the replaced database was empty");
    return std::nullopt;
  } catch (const Error& error) {
    if (error.fault() == Fault::busy || error.fault() == Fault::newer) throw;
    outcome.problems.push_back(fmt::format("the replaced database: {}", base::printable(error.message())));
    return std::nullopt;
  }
}

template <class Read>
auto read_present(std::string_view what, Replacement& outcome, Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const Error& error) {
    outcome.problems.push_back(fmt::format("{} of the replaced database: {}", what, base::printable(error.message())));
    return {};
  }
}

// None of a database from before an update: what a chain is may have changed since.
std::vector<Anchor> heads_of(Store& present) {
  if (sql::schema_version(present.database()) != sql::newest_schema_version()) return {};
  const auto heads = Events(present).heads();
  return {heads.begin(), heads.end()};
}

// Gives the authorities whose file tells all that they revoked.
std::set<Name> merge_crl_files(Store& into, const Directory& state, Time now, Replacement& outcome) {
  std::set<Name> telling;
  const auto authorities = state.subdirectory_if_exists("authorities");
  if (!authorities) return telling;
  for (const auto& authority : Authorities(into).all()) {
    try {
      const auto directory = authorities->subdirectory_if_exists(authority.name.text());
      const auto crl = directory ? directory->read("crl.der", pki::kLargestCrl) : std::nullopt;
      if (crl && merge_crl_file(into, authority.name, *crl, now, outcome)) telling.insert(authority.name);
    } catch (const Error& error) {
      outcome.problems.push_back(
          fmt::format("the crl.der of {}: {}", authority.name, base::printable(error.message())));
    }
  }
  return telling;
}

// nullptr where there is none that can be read.
std::unique_ptr<sql::Database> open_daily_copy(const std::string& state, Replacement& outcome) {
  const auto copy = newest_daily_copy(state);
  if (!copy) return nullptr;
  try {
    auto database = sql::open(*copy, sql::Access::read_only);
    sql::require_known_schema(*database);
    return database;
  } catch (const Error& error) {
    outcome.problems.push_back(fmt::format("{}: {}", *copy, base::printable(error.message())));
    return nullptr;
  }
}

// Each chain of the history goes on from what is whole of it. What is left of a chain whose seal went as well proves
// nothing, so that goes too.
void cut_history(Store& store, std::vector<std::string>& problems) {
  const HistoryVerdict found = Events(store).verify();
  for (const ChainVerdict& chain : found.chains) {
    if (chain.intact) continue;
    const Chain which = chain.head.chain;
    const auto remove = [&](std::int64_t first, std::int64_t last) {
      sql::Query cut(store.database(), "delete from event where chain = $1 and (number < $2 or number > $3)");
      cut->bind(1, to_string(which)).bind(2, first).bind(3, last).execute();
    };
    remove(chain.sealed + 1, chain.head.number);
    if (!Events(store).verify().of(which).intact) remove(0, -1);
    problems.push_back(fmt::format("the chain {} of the history goes on from its event {}: {}", to_string(which),
                                   Events(store).head(which).number, chain.problem));
  }
}

// A copy of its own: two names of one database, each with a log beside it, would be two databases over one file.
void keep_file(const Directory& state, const std::string& name, const std::string& kept) {
  const base::FileDescriptor source(::openat(state.descriptor(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) throw base::errno_error("open", fmt::format("{}/{}", state.path(), name));
  state.copy_new(kept, source.get());
}

// The present database, which nobody has open, is kept; then the incoming one has its name. A log beside one that could
// not be opened goes first, as it would be replayed over the new one; it is kept as well.
void switch_over(const Directory& state, const std::string& kept) {
  const std::string log = std::string(kDatabase) + "-wal";
  const bool has_log = state.has(log);
  if (state.has(kDatabase)) {
    if (has_log) keep_file(state, log, kept + "-wal");
    keep_file(state, kDatabase, kept);
  }
  state.remove(log);
  state.remove(std::string(kDatabase) + "-shm");
  state.rename(kIncoming, kDatabase);
}

struct Counts {
  std::int64_t serials;
  std::int64_t revocations;  // by authorities here, which may know the serial alone, and by other CAs
};

Counts known(Store& store) {
  sql::Query query(
      store.database(),
      "select (select count(*) from issued), (select count(*) from certificate where revoked_at is not null) "
      "+ (select count(*) from issued i where i.revoked_at is not null and not exists (select 1 from "
      "certificate c where c.serial = i.serial and c.fingerprint = i.fingerprint))");
  query->step();
  return {query->integer(0), query->integer(1)};
}

struct Plan {
  std::string_view why;    // "restore"
  std::string_view event;  // "store.restored"
  // Fills the incoming database, which does not exist yet.
  std::function<void(const std::string& incoming, std::optional<Store>& present, Replacement& outcome)> fill;
  bool demands_closed = true;  // by programs other than Everseal too
  std::string file;            // of the backup; ""
};

Replacement replace(const std::string& state_path, const Plan& plan, Time now, const TakeIn& take_in,
                    const base::LockWait& wait) {
  make_state_directory(state_path);
  const auto right = StoreAccess::exclusive(state_path, wait);
  const auto state = Directory::open(state_path);
  sweep_incoming(state);
  const std::string incoming = fmt::format("{}/{}", state_path, kIncoming);
  Replacement outcome;
  const std::string kept = name_to_keep(state, plan.why, now);
  if (state.has(kDatabase)) outcome.replaced = fmt::format("{}/{}", state_path, kept);
  try {
    auto present = open_present(state, outcome);
    plan.fill(incoming, present, outcome);
    std::vector<Anchor> heads;
    if (present) heads = read_present("history", outcome, [&] { return heads_of(*present); });
    {
      Store store = Store::over(state_path, sql::open(incoming, sql::Access::read_write));
      store.transaction([&] {
        const Counts before = known(store);
        // The chain `ca` goes on where that of the replaced one ended, before the files add to it.
        if (present) merge_database(store, present->database(), outcome);
        // What was damaged may be a revocation.
        outcome.whole = present && outcome.problems.empty();
        const auto copy = open_daily_copy(state_path, outcome);
        if (copy) merge_database(store, *copy, outcome);
        if (take_in) take_in({store, present ? &*present : nullptr});
        std::set<Name> telling;
        if (present) {
          const std::size_t problems = outcome.problems.size();
          merge_requests(store, present->database(), outcome);
          merge_pins(store, present->database(), outcome);
          outcome.whole = outcome.whole && outcome.problems.size() == problems;
          if (outcome.whole)
            telling = read_present("revocations", outcome, [&] { return knowing_revocations(present->database()); });
        }
        // What that one asked for may be done since.
        if (copy && !outcome.whole) merge_requests(store, *copy, outcome);
        telling.merge(merge_crl_files(store, state, now, outcome));
        outcome.lost = settle_revocations(store, telling);
        merge_archived_numbers(store, state, outcome);
        learn_issued(store, outcome);
        mark_revoked(store);
        // Who learnt it first, the files, the database that is replaced or the CRL, does not matter.
        const Counts after = known(store);
        outcome.serials = after.serials - before.serials;
        outcome.revocations = after.revocations - before.revocations;
        for (const std::string_view kind : {"certificate", "authority"}) Subjects(store).wake_all(kind, now);
        const HistoryVerdict history = Events(store).verify(heads);
        for (const Anchor& head : heads) {
          if (history.of(head.chain).intact) continue;
          if (head.chain == Chain::run)
            outcome.forgotten = head;
          else
            outcome.problems.push_back(
                fmt::format("the history of its authorities, which ended with {}, does not go on", head.text()));
        }
        Events(store).add(plan.event, "store",
                          {{"file", plan.file},
                           {"replaced", outcome.replaced},
                           {"replaced_head", outcome.forgotten ? outcome.forgotten->text() : ""},
                           {"serials", std::to_string(outcome.serials)},
                           {"revocations", std::to_string(outcome.revocations)},
                           {"crls", std::to_string(outcome.crls)}},
                          now);
      });
    }
    // SQLite keeps the log where it could not write it back.
    if (state.has(std::string(kIncoming) + "-wal"))
      throw Error(Fault::io, "cannot complete the new database", "free some space and run the same command again");
    const bool opened = present.has_value();
    present.reset();
    // It removes the log when the last one closes a sound database.
    if (plan.demands_closed && opened && state.has(std::string(kDatabase) + "-wal"))
      throw Error(
          Fault::busy, "another process has the database open",
          fmt::format("end it (`fuser {}` shows which); the present database is as it was", database_file(state_path)));
    switch_over(state, kept);
  } catch (...) {
    remove_database(state, kIncoming);
    throw;
  }
  return outcome;
}

}  // namespace

std::string name_to_keep(const Directory& state, std::string_view why, Time now) {
  const std::string name = fmt::format("{}.before-{}-{}", kDatabase, why, compact(now));
  std::string free = name;
  for (int number = 2; state.has(free) || state.has(free + "-wal"); ++number)
    free = fmt::format("{}-{:02}", name, number);
  return free;
}

void sweep_incoming(const Directory& state) { remove_database(state, kIncoming); }

Replacement restore(const std::string& state, const std::string& file, Time now, const TakeIn& take_in,
                    const base::LockWait& wait, OtherState other) {
  require_sound_backup(file);
  const auto fill = [&](const std::string& incoming, std::optional<Store>& present, Replacement& outcome) {
    sql::open(file, sql::Access::read_only)->copy_to(incoming);
    const auto database = sql::open(incoming, sql::Access::read_write);
    sql::migrate(*database, now);
    database->execute("delete from setting where key = 'config.digest'");
    if (!present) return;
    // One from before an update proves nothing: what a row is may have changed since.
    const int schema = read_present("schema", outcome, [&] { return sql::schema_version(present->database()); });
    if (schema == 0) return;
    if (schema == sql::newest_schema_version())
      outcome.is_other_state = !read_present("origin", outcome, [&] {
                                  return std::optional(are_of_one_state(present->database(), *database));
                                }).value_or(true);
    if (outcome.is_other_state && other == OtherState::refused)
      throw Error(Fault::denied,
                  fmt::format("{} is a backup of another state than {}: they have no history, certificate, authority "
                              "or account in common",
                              file, state),
                  "restore it to a state of its own (--state); --other-state puts it here all the same");
    const OtherRows others = outcome.is_other_state ? OtherRows::kept : OtherRows::dropped;
    for (std::string& problem : salvage_standing(present->database(), *database, others).problems)
      outcome.problems.push_back(std::move(problem));
  };
  return replace(state, {.why = "restore", .event = "store.restored", .fill = fill, .file = file}, now, take_in, wait);
}

Replacement rebuild(const std::string& state, Time now, const TakeIn& take_in, const base::LockWait& wait) {
  const auto fill = [&](const std::string& incoming, std::optional<Store>& present, Replacement& outcome) {
    const auto database = sql::create(incoming);
    if (!present) {
      sql::migrate(*database, now);
      return;
    }
    Salvage salvaged = salvage(present->database(), *database, now);
    for (std::string& problem : salvaged.problems) outcome.problems.push_back(std::move(problem));
  };
  std::vector<std::string> problems;
  const auto whole = [&](const Incoming& incoming) {
    cut_history(incoming.store, problems);
    if (take_in) take_in(incoming);
  };
  Replacement outcome =
      replace(state, {.why = "rebuild", .event = "store.rebuilt", .fill = fill, .demands_closed = false, .file = {}},
              now, whole, wait);
  outcome.problems.insert(outcome.problems.end(), problems.begin(), problems.end());
  return outcome;
}

}  // namespace everseal::inventory
