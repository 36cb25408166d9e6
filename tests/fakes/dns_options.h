// Validated options of a dns kind.
#pragma once

#include "base/value.h"
#include "dns/dns.h"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace everseal::fakes {

inline base::Value option(std::string value) { return {.data = std::move(value), .origin = {}}; }
inline base::Value option(std::vector<std::string> values) {
  base::List list;
  for (std::string& value : values) list.push_back(option(std::move(value)));
  return {.data = std::move(list), .origin = {}};
}

// Throws where they are wrong.
inline base::Options dns_options(std::string_view kind, const base::Table& table) {
  base::Problems problems;
  auto options = base::Options::validate(table, dns::find_kind(kind)->options, "challenge", {}, {}, problems);
  if (!problems.empty()) throw std::runtime_error(base::to_string(problems.front()));
  return options;
}

}  // namespace everseal::fakes
