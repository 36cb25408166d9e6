#include "audit/finding.h"

#include <map>

#include <fmt/format.h>

namespace everseal::audit {

std::string identity(const Finding& finding) {
  const bool is_of_certificate = finding.rule->identity == Identity::certificate && finding.certificate;
  return fmt::format("{}\n{}\n{}", finding.rule->id, finding.place,
                     is_of_certificate ? finding.certificate->text() : std::string());
}

std::vector<Finding> merge(std::vector<Finding> findings) {
  std::map<std::string, std::size_t> places;
  std::vector<Finding> merged;
  for (Finding& one : findings) {
    const auto [at, is_new] = places.emplace(identity(one), merged.size());
    if (is_new) {
      merged.push_back(std::move(one));
    } else if (one.severity > merged[at->second].severity) {
      merged[at->second] = std::move(one);
    }
  }
  return merged;
}

}  // namespace everseal::audit
