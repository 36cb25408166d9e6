#include "base/text.h"
#include "base/time.h"
#include "config/reader.h"

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::Option;
using base::Options;
using base::OptionType;
using base::text_value;
using base::Value;

Value items_value(const Value& written, const Option& option, const Options& options) {
  const auto* const list = std::get_if<base::List>(&written.data);
  const auto& items = options.items(option.name);
  const std::size_t count = list == nullptr ? 1 : list->size();  // what stands alone is a list of one
  base::List normal;
  for (std::size_t i = 0; i < items.size() && i < count; ++i) {
    const Value& item = list == nullptr ? written : (*list)[i];
    const auto* const fields = std::get_if<base::Table>(&item.data);
    const base::Table one{{std::string(option.fields.front().name), item}};
    normal.push_back({normalise(fields != nullptr ? *fields : one, option.fields, items[i]), {}});
  }
  return {std::move(normal), {}};
}

Value normal_value(const Value& written, const Option& option, const Options& options) {
  switch (option.type) {
    case OptionType::integer:
    case OptionType::port:
      return {options.integer(option.name), {}};
    case OptionType::boolean:
      return {options.boolean(option.name), {}};
    case OptionType::duration:
      return text_value(base::format_duration(options.duration(option.name).value()));
    case OptionType::mode:
      return text_value(fmt::format("{:04o}", options.mode(option.name).value()));
    case OptionType::names:
    case OptionType::servers:
    case OptionType::command:
      return base::list_value(options.strings(option.name));
    case OptionType::items:
      return items_value(written, option, options);
    default:
      return text_value(options.string(option.name));
  }
}

// The fallback's value in the same form.
Value fallback_value(const Option& option) {
  base::Problems ignored;
  const Options options = Options::validate({}, {&option, 1}, {}, {}, {}, ignored);
  return normal_value({}, option, options);
}

bool equal(const Value& left, const Value& right) {
  const auto* const a = std::get_if<base::List>(&left.data);
  const auto* const b = std::get_if<base::List>(&right.data);
  if (a != nullptr && b != nullptr) return std::ranges::equal(*a, *b, equal);
  if (const auto* const text = std::get_if<std::string>(&left.data)) {
    const auto* const other = std::get_if<std::string>(&right.data);
    return other != nullptr && *text == *other;
  }
  if (const auto* const number = std::get_if<std::int64_t>(&left.data)) {
    const auto* const other = std::get_if<std::int64_t>(&right.data);
    return other != nullptr && *number == *other;
  }
  const auto* const flag = std::get_if<bool>(&left.data);
  const auto* const other = std::get_if<bool>(&right.data);
  return flag != nullptr && other != nullptr && *flag == *other;
}

}  // namespace

base::Table normalise(const base::Table& table, std::span<const Option> declared, const Options& options) {
  base::Table normal;
  for (const Option& option : declared) {
    const Value* const written = base::find(table, option.name);
    if (written == nullptr || !options.has(option.name)) continue;
    Value value = normal_value(*written, option, options);
    const bool has_fallback = !option.fallback.empty() && option.type != OptionType::items;
    if (has_fallback && equal(value, fallback_value(option))) continue;
    normal.emplace_back(std::string(option.name), std::move(value));
  }
  return normal;
}

}  // namespace everseal::config
