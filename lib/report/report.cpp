#include "report/report.h"

#include "base/error.h"

#include <fmt/format.h>

namespace everseal::report {

Cell::Cell(const std::vector<base::Untrusted>& list) {
  auto& texts = data_.emplace<std::vector<std::string>>();
  for (const base::Untrusted& text : list) texts.push_back(text.raw());
}

const Kind& require_kind(std::string_view name) {
  std::vector<std::string> known;
  for (const Kind* kind : kinds()) {
    if (kind->name == name) return *kind;
    known.emplace_back(kind->name);
  }
  throw base::Error(base::Fault::usage, fmt::format("no report format is called \"{}\"", base::printable(name)),
                    fmt::format("known are {}", base::join(known, ", ")));
}

}  // namespace everseal::report
