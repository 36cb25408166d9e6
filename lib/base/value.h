// A tree of plain values with the place each was written at: what a config file or a request says, before anyone
// knows what it means.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace everseal::base {

// Where a value was written, for messages: a file and its line, or a command-line option with line 0.
struct Origin {
  std::string file;
  int line = 0;
};
std::string to_string(const Origin& origin);  // "everseal.toml:12", "--deploy-dir", or "" where unknown

struct Value;
using List = std::vector<Value>;
// In the order written; a key stands once.
using Table = std::vector<std::pair<std::string, Value>>;

struct Value {
  std::variant<std::string, std::int64_t, bool, List, Table> data;
  Origin origin;
};

Value text_value(std::string text, Origin origin = {});
Value number_value(std::int64_t number, Origin origin = {});
Value list_value(const std::vector<std::string>& texts, const Origin& origin = {});

const Value* find(const Table& table, std::string_view key) noexcept;

// Something wrong that does not stop the search for more: validation collects all of them.
struct Problem {
  Origin origin;
  std::string key;      // dotted path, "certificate.www.deploy.nginx.mode"
  std::string message;  // lower case, no full stop
  std::string hint;
  std::string subject{};  // what it keeps from being: "certificate/www"; "" where it is no named table
};
using Problems = std::vector<Problem>;
std::string without_hint(const Problem& problem);  // "FILE:LINE: KEY: MESSAGE"
std::string to_string(const Problem& problem);     // the same, and " (HINT)"

}  // namespace everseal::base
