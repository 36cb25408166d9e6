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
  deployment,   // and the options of its kind
  publication,  // and the options of its kind
};
std::span<const base::Option> declared(Section section) noexcept;
// Keys of that table that hold named tables of their own.
std::span<const std::string_view> subtables(Section section) noexcept;
// The fields of one target of `verify`.
std::span<const base::Option> verify_fields() noexcept;

}  // namespace everseal::config
