#include "report/json.h"

#include <fmt/format.h>

namespace everseal::report {

void JsonWriter::new_line() {
  if (static_cast<int>(levels_.size()) > indented_) return;
  out_.push_back('\n');
  out_.append(levels_.size() * 2, ' ');
}

void JsonWriter::begin_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  if (!levels_.back().empty) out_.push_back(',');
  levels_.back().empty = false;
  new_line();
}

JsonWriter& JsonWriter::open(char bracket) {
  begin_value();
  out_.push_back(bracket);
  levels_.emplace_back();
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  const bool indents = !levels_.back().empty && static_cast<int>(levels_.size()) <= indented_;
  levels_.pop_back();
  if (indents) new_line();
  out_.push_back(bracket);
  if (levels_.empty()) out_.push_back('\n');
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  begin_value();
  base::append_json_string(out_, name);
  out_.push_back(':');
  if (static_cast<int>(levels_.size()) <= indented_) out_.push_back(' ');
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view text) {
  begin_value();
  base::append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::number(std::int64_t number) {
  begin_value();
  out_ += fmt::format("{}", number);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool truth) {
  begin_value();
  out_.append(truth ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::time(base::Time time) {
  begin_value();
  out_.push_back('"');
  out_.append(base::format_time(time));
  out_.push_back('"');
  return *this;
}

JsonWriter& JsonWriter::null() {
  begin_value();
  out_.append("null");
  return *this;
}

JsonWriter& JsonWriter::value(const Cell& cell) {
  struct Visitor {
    JsonWriter& json;
    void operator()(std::monostate) const { json.null(); }
    void operator()(const std::string& text) const { json.text(text); }
    void operator()(std::int64_t number) const { json.number(number); }
    void operator()(bool truth) const { json.boolean(truth); }
    void operator()(base::Time time) const { json.time(time); }
    void operator()(const std::vector<std::string>& list) const { json.texts(list); }
    void operator()(const Cell::Members& members) const {
      json.begin_object();
      for (const auto& [key, text] : members) json.key(key).text(text);
      json.end_object();
    }
  };
  std::visit(Visitor{*this}, cell.data());
  return *this;
}

}  // namespace everseal::report
