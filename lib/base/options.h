// What a kind says about its options, and the validated values it is opened with.
#pragma once

#include "base/time.h"
#include "base/value.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::base {

enum class OptionType {
  string,
  integer,  // `lowest` to `highest`
  port,     // an integer, 1 to 65535
  boolean,
  duration,     // "90d"
  path,         // of a file; relative ones are resolved against the file that says them
  directory,    // the same of a directory
  secret_file,  // a path, or "credential:NAME"; never the secret itself
  mode,         // "0640"
  choice,       // one of `choices`
  address,      // an IP address
  url,          // with a scheme, and without a user's name or password
  user,         // of this host; whether there is one is not looked at
  owner,        // USER, USER:GROUP or :GROUP of this host; likewise
  names,        // list of strings; a string alone is a list of one
  servers,      // list of ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT; a string alone is a list of one
  command,      // list of strings, the first one an executable; a string alone is split at blanks, quotes honoured
  items,        // list of tables, each with `fields`; a string stands for the first field, and one alone for a list
};
std::string_view to_string(OptionType type) noexcept;

struct Option {
  std::string_view name;
  OptionType type = OptionType::string;
  std::string_view summary;        // one line, for `everseal kinds` and the sample config
  std::string_view fallback = {};  // the value without the option, as text; empty: none
  bool required = false;
  std::span<const std::string_view> choices = {};
  std::span<const Option> fields = {};                              // of `items`
  std::int64_t lowest = std::numeric_limits<std::int64_t>::min();   // of `integer`
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();  // of `integer`
};

// Relative to the directory of the file that says it; what no file says (line 0) stays as it is.
std::string resolve_path(const std::string& path, const Origin& origin);

// Validated values. Reading an option that was not declared, or as another type, is a programming error
// (Error(internal)). Immutable after validation, so readable from any thread.
class Options {
 public:
  // Checks `table` against `declared` and appends what is wrong to `problems`: unknown keys with the nearest known one,
  // wrong types, missing required options, values out of form; with the repaired line where it can be told. `key` is
  // the dotted path of `table`. Keys in `ignored` belong to somebody else ("type").
  static Options validate(const Table& table, std::span<const Option> declared, const std::string& key,
                          const Origin& origin, std::span<const std::string_view> ignored, Problems& problems);
  // The same where every key that is not declared belongs to somebody else.
  static Options validate_declared(const Table& table, std::span<const Option> declared, const std::string& key,
                                   const Origin& origin, Problems& problems);

  bool has(std::string_view name) const;
  std::string string(std::string_view name) const;    // of every type that is written as one text; "" where absent
  std::int64_t integer(std::string_view name) const;  // integer and port; 0 where absent
  bool boolean(std::string_view name) const;
  std::optional<Seconds> duration(std::string_view name) const;
  std::optional<unsigned> mode(std::string_view name) const;
  std::vector<std::string> strings(std::string_view name) const;  // names, servers and command
  const std::vector<Options>& items(std::string_view name) const;

  // One value as it was understood: its text whatever its type, and what it means where that is more.
  struct Entry {
    OptionType type;
    std::string text;
    std::int64_t number = 0;        // of integer, port, boolean (0 or 1), duration (seconds) and mode
    std::vector<std::string> list;  // of names, servers and command
    std::vector<Options> items;     // of items
  };
  // All that was given or has a fallback, in the order of declaration.
  std::vector<std::pair<std::string_view, const Entry*>> entries() const;

 private:
  class Validation;
  const Entry* get(std::string_view name, std::initializer_list<OptionType> types) const;

  std::vector<std::string> declared_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace everseal::base
