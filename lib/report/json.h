// JSON written from front to back, without a tree of it in memory.
#pragma once

#include "base/text.h"
#include "base/time.h"
#include "report/report.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::report {

// The first member of every document, and its value: it grows when a member goes or changes its meaning.
inline constexpr std::string_view kFormatKey = "everseal_format";
inline constexpr int kFormat = 1;

// Appends to a text that the caller takes from time to time. Commas and indentation are its business, balance of begin
// and end is the caller's. Not thread-safe.
class JsonWriter {
 public:
  // Nested deeper than `indented` levels everything stands on one line.
  explicit JsonWriter(int indented = 2) : indented_(indented) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(const Cell& cell);
  JsonWriter& text(std::string_view text);
  JsonWriter& text(const base::Untrusted& text) { return this->text(std::string_view(text.raw())); }
  // "" is null.
  JsonWriter& text_or_null(std::string_view text) { return text.empty() ? null() : this->text(text); }
  JsonWriter& number(std::int64_t number);
  JsonWriter& boolean(bool truth);
  JsonWriter& time(base::Time time);
  JsonWriter& null();
  template <class Texts>
  JsonWriter& texts(const Texts& list) {
    begin_array();
    for (const auto& item : list) text(item);
    return end_array();
  }

  const std::string& written() const noexcept { return out_; }
  void clear() noexcept { out_.clear(); }

 private:
  struct Level {
    bool empty = true;
  };
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void begin_value();
  void new_line();

  std::string out_;
  std::vector<Level> levels_;
  int indented_;
  bool after_key_ = false;
};

}  // namespace everseal::report
