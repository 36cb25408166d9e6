// The inventory: one database with everything that Everseal remembers. The domain's verbs are grouped in classes of
// their own (certificates.h, managed.h, versions.h, deployments.h, intents.h, attempts.h, authorities.h, events.h),
// each made from a Store. A Store and what is made from it are used by one thread at a time; each worker opens its own.
#pragma once

#include "base/name.h"
#include "base/time.h"
#include "inventory/store_access.h"
#include "sql/database.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace everseal::inventory {

using sql::Durability;

class Store {
 public:
  // `state` is the state directory. Throws Error(not_found) with the hint to run `everseal init`; Error(config) on a
  // network file system; Error(io/corrupt/newer) before anything is changed. Read-write access brings the schema up to
  // date, for which nobody else may have the store open. Holds the shared right to the store as long as it lives;
  // `wait` bounds the wait for it, and for the exclusive right where the schema is old: Error(busy), Error(cancelled).
  static Store open(const std::string& state, sql::Access access, base::Time now,
                    const base::LockWait& wait = kTenSeconds);
  // For who has the exclusive right, under which open() would wait for itself. The store keeps the right.
  static Store open_within(StoreAccess exclusive, sql::Access access, base::Time now);
  // Makes the directory (0700) and the database where they are missing; an existing one is opened.
  static Store create(const std::string& state, base::Time now, const base::LockWait& wait = kTenSeconds);

  // Around a database that was opened and checked otherwise, with no right of its own; only inventory's own files have
  // one.
  static Store over(const std::string& state, std::unique_ptr<sql::Database> database);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  const std::string& state() const noexcept;  // the directory
  sql::Database& database() noexcept;         // for inventory's own files
  // Who is acting, for the history; the user's name by default.
  void set_actor(std::string actor);
  const std::string& actor() const noexcept;

  // All or nothing. Nested calls join. Events recorded inside commit with it.
  void transaction(const std::function<void()>& work, Durability durability = Durability::on_return);
  void snapshot(const std::function<void()>& work);

  // Before an order is spent: writes, and holds the room for the commits of a rotation, whoever else fills the disk.
  // Error(io) on a full disk, read-only files, ...
  void prove_writable(base::Time now);

  // Small facts of the whole store ("config.digest", ...).
  std::optional<std::string> setting(const std::string& key);
  void set_setting(const std::string& key, const std::string& value);

 private:
  struct State;
  static Store make(const std::string& state, std::optional<StoreAccess> right,
                    std::unique_ptr<sql::Database> database);
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace everseal::inventory
