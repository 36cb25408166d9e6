// TOML text to plain values, and the spelling of values as TOML. The parser stays behind this header.
#pragma once

#include "base/value.h"
#include "config/load.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::config {

// The tables and values of one file in the order written, each with its line. What does not parse is one problem with
// line and column (and nullopt); values of types that no option has are one problem each and left out.
std::optional<base::Table> read_toml(const Source& source, base::Problems& problems);

// Where the values of one table stand in a text, in octets. Values that are tables with headers of their own are not
// among them.
struct Place {
  std::string key;
  std::size_t begin = 0, end = 0;
};
struct Places {
  std::vector<Place> values;
  std::size_t next = 0;  // where the line of a further value goes
};
// Of the table that `path` leads to ("certificate", "www"); nullopt where `text` is not TOML or has no such table.
std::optional<Places> places(std::string_view text, std::span<const std::string> path);

// Basic strings and keys of TOML 1.0, with everything escaped that a terminal would not show as itself.
// Error(usage) where `text` is not UTF-8.
void append_toml_string(std::string& out, std::string_view text);
void append_toml_key(std::string& out, std::string_view key);        // bare where TOML lets it be
void append_toml_value(std::string& out, const base::Value& value);  // on one line

// "certificate" and "www.example.org" make `certificate."www.example.org"`, as one writes it in a table's header.
std::string dotted(std::string_view parent, std::string_view key);

}  // namespace everseal::config
