// One use of a prepared statement.
#pragma once

#include "sql/database.h"

#include <string_view>

namespace everseal::sql {

// Resets the statement at the end of its scope, however that is left, so that no read lock outlives its reader.
class Query {
 public:
  Query(Database& database, std::string_view sql) : statement_(database.prepare(sql)) {}
  ~Query() { statement_.reset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Statement* operator->() noexcept { return &statement_; }
  Statement& operator*() noexcept { return statement_; }

 private:
  Statement& statement_;
};

}  // namespace everseal::sql
