#include "importer/importer.h"

#include <algorithm>

namespace everseal::importer {

const Kind* find_kind(std::string_view name) noexcept {
  const auto all = kinds();
  const auto found = std::ranges::find(all, name, [](const Kind* kind) { return kind->name; });
  return found == all.end() ? nullptr : *found;
}

}  // namespace everseal::importer
