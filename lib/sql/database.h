// The small database interface: what inventory needs of SQLite today and of PostgreSQL later.
#pragma once

#include "base/encoding.h"
#include "base/handle.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace everseal::sql {

// A parameter or a column: NULL is nullopt.
// Statements use $1, $2, ... in any order and as often as they like; $N is bound by name.
class Statement {
 public:
  virtual ~Statement() = default;
  virtual Statement& bind(int number, std::int64_t value) = 0;
  virtual Statement& bind(int number, std::string_view text) = 0;
  virtual Statement& bind(int number, base::BytesView blob) = 0;
  virtual Statement& bind_null(int number) = 0;
  template <class T>
  Statement& bind(int number, const std::optional<T>& value) {
    return value ? bind(number, *value) : bind_null(number);
  }

  // To the next row; false after the last one. The statement resets itself then, and when step() throws.
  virtual bool step() = 0;
  // Columns of the current row, from 0. Views live until the next step() or reset().
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual std::string_view text(int column) const = 0;
  virtual base::BytesView blob(int column) const = 0;
  virtual void reset() = 0;  // before the last row was reached, or to bind anew

  // Runs to the end, dropping rows; gives the number of rows changed.
  virtual std::int64_t execute() = 0;
};

// When a commit survives a power cut. It survives the end of the process in any case, and never comes without those
// before it.
enum class Durability {
  on_return,
  deferred,  // with the next commit that is durable on return: for what disk or CA would tell again
};

// How a database may be opened.
enum class Access { read_write, read_only };

// One connection, used by one thread at a time. Errors: Error(io) disk full, read-only, unreadable; Error(corrupt) with
// the way out (`doctor --rebuild`, `restore`); Error(busy) after the busy time-out; Error(exists) for a unique or
// foreign key that is violated; Error(invalid) for a database of another program; Error(internal) for our own mistakes.
class Database {
 public:
  virtual ~Database() = default;
  // Prepared once a text and kept; the reference lives as long as the database. A statement is used by one call at a
  // time: Error(internal) while it stands on a row (query.h resets it when its user is done).
  virtual Statement& prepare(std::string_view sql) = 0;
  virtual void execute(std::string_view script) = 0;  // many statements, no parameters

  virtual bool has_table(std::string_view name) = 0;

  // Runs `work` in one transaction that may write (BEGIN IMMEDIATE) and commits; rolls back when it throws. Nested
  // calls join the outer transaction and its durability; one that throws takes back its own part (a savepoint), so that
  // the caller may go on with the rest.
  virtual void transaction(const std::function<void()>& work, Durability durability = Durability::on_return) = 0;
  // Like transaction(), with foreign keys that are checked before the commit instead of enforced meanwhile: a table
  // that is dropped to be made anew would take the rows of others with it. Joins no other transaction.
  virtual void change_schema(const std::function<void()>& work) = 0;
  // From now on `changed` is called at the begin of the next transaction or snapshot after anybody changed the schema;
  // what it throws ends that one.
  virtual void watch_schema(std::function<void()> changed) = 0;
  // A consistent view for several reads; nothing may be written inside.
  virtual void snapshot(const std::function<void()>& work) = 0;

  // The commits to come have room for so many octets, whoever else fills the disk. As exact as what this connection
  // knows of the commits of others, which is up to its own last commit. Error(io) where there is no such room.
  virtual void hold_room(std::int64_t octets) = 0;

  virtual void copy_to(const std::string& path) = 0;  // a consistent copy, 0600 and synced; `path` must not exist
  virtual base::FileDescriptor copy_in_memory() = 0;  // the same where no disk has room, to be read from its beginning
  virtual void check_integrity() = 0;                 // Error(corrupt) with what was found
};

// KiB of pages that a connection keeps in memory: a process may have many connections.
inline constexpr int kSmallCache = 2048;

// Opens the database in `file`. Creates nothing: Error(not_found) where absent.
std::unique_ptr<Database> open(const std::string& file, Access access, int cache_kib = kSmallCache);
std::unique_ptr<Database> create(const std::string& file);  // Error(exists) where there is one

}  // namespace everseal::sql
