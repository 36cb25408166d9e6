// Running a bound query for its rows.
#pragma once

#include "sql/query.h"

#include <optional>
#include <vector>

namespace everseal::inventory {

template <class Read>
auto all_rows(sql::Query& query, Read read) -> std::vector<decltype(read(*query))> {
  std::vector<decltype(read(*query))> rows;
  while (query->step()) rows.push_back(read(*query));
  return rows;
}

template <class Read>
auto first_row(sql::Query& query, Read read) -> std::optional<decltype(read(*query))> {
  if (!query->step()) return std::nullopt;
  return read(*query);
}

}  // namespace everseal::inventory
