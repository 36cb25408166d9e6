#include "net/json.h"

#include "base/error.h"
#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::net {
namespace {

using Json = nlohmann::json;
using base::Error;
using base::Fault;

constexpr int kDeepest = 32;

base::Value to_value(const Json& json) {
  switch (json.type()) {
    case Json::value_t::object: {
      base::Table table;
      for (const auto& [key, member] : json.items())
        if (!member.is_null()) table.emplace_back(key, to_value(member));
      return {std::move(table), {}};
    }
    case Json::value_t::array: {
      base::List list;
      for (const Json& member : json) list.push_back(to_value(member));
      return {std::move(list), {}};
    }
    case Json::value_t::string:
      return {json.get<std::string>(), {}};
    case Json::value_t::boolean:
      return {json.get<bool>(), {}};
    case Json::value_t::number_integer:
      return {json.get<std::int64_t>(), {}};
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() <= INT64_MAX) return {json.get<std::int64_t>(), {}};
      return {json.dump(), {}};
    case Json::value_t::number_float:
      return {json.dump(), {}};
    default:
      return {std::string(), {}};
  }
}

template <class T>
const T* member(const base::Table& object, std::string_view key) noexcept {
  const base::Value* const value = base::find(object, key);
  return value == nullptr ? nullptr : std::get_if<T>(&value->data);
}

}  // namespace

base::Value parse_json(std::string_view json, std::string_view what) {
  bool too_deep = false;
  const auto bound = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  const Json parsed = Json::parse(json, bound, false);
  if (too_deep) throw Error(Fault::invalid, fmt::format("{} nests too deeply", what));
  if (parsed.is_discarded())
    throw Error(Fault::invalid, fmt::format("{} is not JSON: \"{}\"", what, base::printable(json.substr(0, 100))));
  return to_value(parsed);
}

base::Table parse_json_object(std::string_view json, std::string_view what) {
  base::Value value = parse_json(json, what);
  if (auto* const table = std::get_if<base::Table>(&value.data)) return std::move(*table);
  throw Error(Fault::invalid, fmt::format("{} is no JSON object", what));
}

std::string text_at(const base::Table& object, std::string_view key) {
  const auto* const text = member<std::string>(object, key);
  return text == nullptr ? std::string() : *text;
}

std::optional<std::int64_t> integer_at(const base::Table& object, std::string_view key) {
  const auto* const number = member<std::int64_t>(object, key);
  return number == nullptr ? std::nullopt : std::optional(*number);
}

bool flag_at(const base::Table& object, std::string_view key) {
  const auto* const flag = member<bool>(object, key);
  return flag != nullptr && *flag;
}

std::vector<std::string> texts_at(const base::Table& object, std::string_view key) {
  std::vector<std::string> texts;
  if (const auto* const list = member<base::List>(object, key))
    for (const base::Value& value : *list)
      if (const auto* const text = std::get_if<std::string>(&value.data)) texts.push_back(*text);
  return texts;
}

std::vector<base::Table> objects_at(const base::Table& object, std::string_view key) {
  std::vector<base::Table> objects;
  if (const auto* const list = member<base::List>(object, key))
    for (const base::Value& value : *list)
      if (const auto* const table = std::get_if<base::Table>(&value.data)) objects.push_back(*table);
  return objects;
}

const base::Table* object_at(const base::Table& object, std::string_view key) noexcept {
  return member<base::Table>(object, key);
}

std::optional<base::Time> time_at(const base::Table& object, std::string_view key) {
  return base::parse_rfc3339(text_at(object, key));
}

}  // namespace everseal::net
