// A finding read from a row that joins it.
#pragma once

#include "inventory/columns.h"

#include <string_view>

namespace everseal::inventory {

inline constexpr std::string_view kFindingColumns =
    "finding.id, finding.rule, finding.place, finding.certificate, finding.severity, finding.what, finding.opened, "
    "finding.closed, finding.raised";
inline constexpr int kFindingColumnCount = 9;

// Of kFindingColumns, the first of which is `column`.
inline FindingRecord finding_at(const sql::Statement& row, int column) {
  FindingRecord finding{.id = row.integer(column),
                        .rule = text_at(row, column + 1),
                        .place = row.integer(column + 2),
                        .certificate = std::nullopt,
                        .severity = text_at(row, column + 4),
                        .what = text_at(row, column + 5),
                        .opened = time_at(row, column + 6),
                        .closed = optional_at(row, column + 7, time_at),
                        .raised = optional_at(row, column + 8, time_at)};
  if (!row.blob(column + 3).empty()) finding.certificate = fingerprint_at(row, column + 3);
  return finding;
}

}  // namespace everseal::inventory
