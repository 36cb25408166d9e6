// The options of each table, as data: for validation, for `everseal kinds`, and for the schema's test.
#pragma once

#include "base/options.h"

#include <span>
#include <string_view>

namespace everseal::config {

enum class Section {
  root,       // beside it: the tables of named tables below
  issuer,     // and the options of its kind
  challenge,  // and the options of its kind and of its provider
  authority,  // and `publish`
  profile,
  certificate,  // and `deploy`
  endpoint,
  environment,
  team,
  audit,
  deployment,   // and the options of its kind
  publication,  // and the options of its kind
};
std::span<const base::Option> declared(Section section) noexcept;
// A key of that table that holds named tables of their own, or is one table.
enum class Holds { named_tables, named_tables_or_word, one_table };
struct Subtable {
  std::string_view key;
  Section section;  // of each of them
  std::string_view summary;
  Holds holds = Holds::named_tables;
};
std::span<const Subtable> subtables(Section section) noexcept;
bool is_declared(std::string_view key, std::span<const base::Option> options);
// The fields of one target of `verify`.
std::span<const base::Option> verify_fields() noexcept;

}  // namespace everseal::config
