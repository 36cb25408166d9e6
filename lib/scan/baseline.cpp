#include "scan/baseline.h"

#include "audit/json_tree.h"
#include "base/error.h"
#include "base/text.h"
#include "net/json.h"
#include "report/json.h"
#include "scan/named_file.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kLargestBaseline = std::size_t{256} << 20;
constexpr std::string_view kBaselineKeys[] = {report::kFormatKey, "places", "name",        "address",
                                              "findings",         "rule",   "certificate", "severity",
                                              "acknowledged",     "audit"};

Error no_baseline(const base::Origin& origin, const std::string& what) {
  return Error(Fault::config, fmt::format("{}: {}", to_string(origin), what),
               "a baseline is what `everseal audit --format json` wrote");
}

const base::List& list_at(const base::Table& object, std::string_view key, const base::Origin& origin) {
  const base::Value* const value = base::find(object, key);
  const auto* const list = value == nullptr ? nullptr : std::get_if<base::List>(&value->data);
  if (list == nullptr) throw no_baseline(value == nullptr ? origin : value->origin, fmt::format("no list \"{}\"", key));
  return *list;
}

const base::Table& table_of(const base::Value& value, std::string_view what) {
  if (const auto* const table = std::get_if<base::Table>(&value.data)) return *table;
  throw no_baseline(value.origin, fmt::format("{} that is no object", what));
}

std::string required_text(const base::Table& object, std::string_view key, const base::Origin& origin) {
  std::string text = net::text_at(object, key);
  if (text.empty()) throw no_baseline(origin, fmt::format("no \"{}\"", key));
  return text;
}

// A rule that is not known here is of a newer Everseal, and nothing is found by it.
bool is_of_certificate(const audit::Rule* rule) {
  return rule != nullptr && rule->identity == audit::Identity::certificate;
}

}  // namespace

Baseline Baseline::read(const std::string& path) {
  const base::Bytes bytes = read_named_file(path, kLargestBaseline, "--baseline");
  base::Problems problems;
  const auto report = audit::parse_json_members(base::as_text(bytes), kBaselineKeys, path, problems);
  if (!problems.empty()) throw no_baseline(problems.front().origin, problems.front().message);
  const base::Origin origin{path, 1};
  const auto format = report ? net::integer_at(*report, report::kFormatKey) : std::nullopt;
  if (!format) throw no_baseline(origin, fmt::format("no \"{}\"", report::kFormatKey));
  if (*format != report::kFormat)
    throw Error(Fault::config, fmt::format("{}: the report is of a newer Everseal", to_string(origin)));
  if (net::object_at(*report, "audit") == nullptr) throw no_baseline(origin, "it is no report of an audit");
  Baseline baseline;
  for (const base::Value& one : list_at(*report, "places", origin)) {
    const base::Table& place = table_of(one, "a place");
    const std::string name = required_text(place, "name", one.origin);
    const std::string address = net::text_at(place, "address");
    baseline.addresses_.emplace(name, address);
    for (const base::Value& found : list_at(place, "findings", one.origin)) {
      const base::Table& finding = table_of(found, "a finding");
      const std::string severity = required_text(finding, "severity", found.origin);
      const int gravity = inventory::gravity(severity);
      if (gravity == 0)
        throw no_baseline(found.origin, fmt::format("'{}' is no severity", base::printable(severity.substr(0, 80))));
      const std::string rule = required_text(finding, "rule", found.origin);
      // It is known for as long as its acknowledgement says.
      if (net::object_at(finding, "acknowledged") != nullptr) continue;
      const std::string certificate =
          is_of_certificate(audit::find_rule(rule)) ? net::text_at(finding, "certificate") : std::string();
      for (const std::string& at : {address, std::string()}) {
        int& known = baseline.gravity_[{name, at, rule, certificate}];
        known = std::max(known, gravity);
      }
    }
  }
  return baseline;
}

bool Baseline::holds(const inventory::PlaceRecord& place, const inventory::FindingRecord& finding) const {
  const std::string& name = place.name.raw();
  const bool is_known = addresses_.contains({name, place.address});
  const auto known = gravity_.find({name, is_known ? place.address : std::string(), finding.rule,
                                    finding.certificate && is_of_certificate(audit::find_rule(finding.rule))
                                        ? finding.certificate->text()
                                        : std::string()});
  return known != gravity_.end() && inventory::gravity(finding.severity) <= known->second;
}

}  // namespace everseal::scan
