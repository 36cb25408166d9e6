// A kind by its name.
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace everseal::report {

// Throws Error(usage) that lists the known ones.
template <class Kind>
const Kind& require_among(std::span<const Kind* const> kinds, std::string_view name) {
  std::vector<std::string> known;
  for (const Kind* kind : kinds) {
    if (kind->name == name) return *kind;
    known.emplace_back(kind->name);
  }
  throw base::Error(base::Fault::usage, fmt::format("no report format is called \"{}\"", base::printable(name)),
                    fmt::format("known are {}", base::join(known, ", ")));
}

}  // namespace everseal::report
