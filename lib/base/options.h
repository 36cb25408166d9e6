// What a kind says about its options, and the validated values it is opened with.
#pragma once

#include "base/time.h"
#include "base/value.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::base {

enum class OptionType {
  string,
  integer,
  boolean,
  duration,     // "90d"
  path,         // relative ones are resolved against the file that says them
  secret_file,  // a path, or "credential:NAME"; never the secret itself
  mode,         // "0640"
  choice,       // one of `choices`
  names,        // list of strings; a string alone is a list of one
  command,      // list of strings, the first one an executable
  items,        // list of tables, each with `fields`; a string alone stands for the first field
};
std::string_view to_string(OptionType type) noexcept;

struct Option {
  std::string_view name;
  OptionType type = OptionType::string;
  std::string_view summary;                     // one line, for `everseal kinds` and the sample config
  std::string_view fallback = {};               // the value without the option, as text; empty: none
  bool required = false;
  std::span<const std::string_view> choices = {};
  std::span<const Option> fields = {};          // of `items`
};

// Validated values. Reading an option that was not declared, or as another type, is a programming error
// (Error(internal)). Immutable after validation, so readable from any thread.
class Options {
 public:
  // Checks `table` against `declared` and appends what is wrong to `problems`: unknown keys with the nearest known one,
  // wrong types, missing required options, values out of form. `key` is the dotted path of `table`. Keys in `ignored`
  // belong to somebody else ("type").
  static Options validate(const Table& table, std::span<const Option> declared, const std::string& key,
                          const Origin& origin, std::span<const std::string_view> ignored, Problems& problems);

  bool has(std::string_view name) const;
  std::string string(std::string_view name) const;   // string, path, secret_file and choice; "" where absent
  std::int64_t integer(std::string_view name) const;
  bool boolean(std::string_view name) const;
  std::optional<Seconds> duration(std::string_view name) const;
  std::optional<unsigned> mode(std::string_view name) const;
  std::vector<std::string> strings(std::string_view name) const;  // names and command
  const std::vector<Options>& items(std::string_view name) const;
  // All that was given or has a fallback, in the order of declaration, as text; for `config show` and spec hashes.
  std::vector<std::pair<std::string, std::string>> entries() const;

 private:
  struct Entry {
    OptionType type;
    std::string text;
    std::int64_t number = 0;
    std::vector<std::string> list;
    std::vector<Options> items;
  };
  const Entry* get(std::string_view name, std::initializer_list<OptionType> types) const;

  std::vector<std::string> declared_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace everseal::base
