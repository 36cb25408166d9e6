// A place read from a row that joins it.
#pragma once

#include "inventory/columns.h"

#include <string_view>

namespace everseal::inventory {

inline constexpr std::string_view kPlaceColumns =
    "place.id, place.kind, place.name, place.address, place.environment, place.team, place.labels, place.source, "
    "place.first_look, place.last_look, place.gone";
inline constexpr int kPlaceColumnCount = 11;

// Of kPlaceColumns, the first of which is `column`.
inline PlaceRecord place_at(const sql::Statement& row, int column) {
  return {.id = row.integer(column),
          .kind = enum_at(row, column + 1, parse_place_kind, "a place's kind"),
          .name = untrusted_at(row, column + 2),
          .address = text_at(row, column + 3),
          .environment = text_at(row, column + 4),
          .team = text_at(row, column + 5),
          .labels = text_at(row, column + 6),
          .source = text_at(row, column + 7),
          .first_look = time_at(row, column + 8),
          .last_look = time_at(row, column + 9),
          .gone = optional_at(row, column + 10, time_at)};
}

}  // namespace everseal::inventory
