// A prepared statement of SQLite.
#pragma once

#include "base/handle.h"
#include "sql/database.h"

#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

namespace everseal::sql {

using Prepared = base::Handle<sqlite3_stmt, sqlite3_finalize>;

// For what is asked once.
Prepared prepare_once(sqlite3* db, const std::string& file, const char* sql);

class SqliteStatement final : public Statement {
 public:
  // Both outlive the statement; `file` is named in errors.
  SqliteStatement(sqlite3* db, const std::string& file, std::string_view sql);

  Statement& bind(int number, std::int64_t value) override;
  Statement& bind(int number, std::string_view text) override;
  Statement& bind(int number, base::BytesView blob) override;
  Statement& bind_null(int number) override;
  bool step() override;
  bool is_null(int column) const override;
  std::int64_t integer(int column) const override;
  std::string_view text(int column) const override;
  base::BytesView blob(int column) const override;
  void reset() override;
  std::int64_t execute() override;

  // For the next user. Error(internal) while the last one stands on a row.
  void begin_use();

 private:
  void note_parameter(int at);
  int index(int number) const;
  Statement& check(int code);

  sqlite3* db_;
  const std::string& file_;
  Prepared statement_;
  std::vector<int> indexes_;  // of $1, $2, ...; 0 where the statement has none of that name
  bool writes_ = false;
};

}  // namespace everseal::sql
