#include "report/report.h"

#include "report/require.h"

namespace everseal::report {

Cell::Cell(const std::vector<base::Untrusted>& list) {
  auto& texts = data_.emplace<std::vector<std::string>>();
  for (const base::Untrusted& text : list) texts.push_back(text.raw());
}

const Kind& require_kind(std::string_view name) { return require_among(kinds(), name); }

}  // namespace everseal::report
