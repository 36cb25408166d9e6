#include "scan/together.h"

#include <utility>

namespace everseal::scan {

void Together::add(const inventory::PlaceRecord& place, const std::string& endpoint,
                   const std::vector<pki::Certificate>& leaves, const audit::Criteria& criteria) {
  if (leaves.empty()) return;
  std::string text = place.text();
  for (const pki::Certificate& leaf : leaves) comparison_.add(audit::shown(text, endpoint, leaf, criteria));
  places_.insert_or_assign(std::move(text), place);
}

std::vector<Together::At> Together::findings() {
  std::map<std::string, At> by_place;
  for (audit::Finding& finding : comparison_.findings()) {
    At& at = by_place[finding.place];
    if (at.findings.empty()) at.place = places_.at(finding.place);
    at.findings.push_back(std::move(finding));
  }
  std::vector<At> all;
  for (auto& [text, at] : by_place) {
    at.findings = audit::merge(std::move(at.findings));
    all.push_back(std::move(at));
  }
  return all;
}

}  // namespace everseal::scan
