// The inventory: one database with everything that Everseal remembers. The domain's verbs are grouped in classes of
// their own (certificates.h, managed.h, versions.h, deployments.h, intents.h, attempts.h, authorities.h, events.h),
// each made from a Store. A Store and what is made from it are used by one thread at a time; each worker opens its own.
#pragma once

#include "base/name.h"
#include "base/time.h"
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
  // date.
  static Store open(const std::string& state, sql::Access access, base::Time now);
  // Makes the directory (0700) and the database where they are missing; an existing one is opened.
  static Store create(const std::string& state, base::Time now);

  // Around a database that was opened and checked otherwise; only inventory's own files have one.
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
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace everseal::inventory
