#include "base/options.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::base {
namespace {

std::string written_type(const Value& value) {
  switch (value.data.index()) {
    case 0:
      return "a string";
    case 1:
      return "an integer";
    case 2:
      return "a boolean";
    case 3:
      return "a list";
    default:
      return "a table";
  }
}

std::string expected(OptionType type) {
  switch (type) {
    case OptionType::integer:
      return "an integer";
    case OptionType::boolean:
      return "true or false";
    case OptionType::names:
    case OptionType::command:
      return "a list of strings";
    case OptionType::items:
      return "a list of tables";
    default:
      return "a string";
  }
}

std::optional<std::int64_t> parse_mode(std::string_view text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || text.size() < 3 || text.size() > 5 || mode > 07777)
    return std::nullopt;
  return mode;
}

// TOML can write one; no path, argument or message can carry it.
bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// ["a", "b c"]: different lists have different texts.
std::string list_text(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const std::string& word : list) {
    if (text.size() > 1) text += ", ";
    append_json_string(text, word);
  }
  return text + "]";
}

std::string resolve(const std::string& path, const Origin& origin) {
  if (path.empty() || path.front() == '/' || origin.line == 0) return path;
  return (std::filesystem::absolute(origin.file).parent_path() / path).lexically_normal().string();
}

}  // namespace

std::string_view to_string(OptionType type) noexcept {
  switch (type) {
    case OptionType::string:
      return "string";
    case OptionType::integer:
      return "integer";
    case OptionType::boolean:
      return "boolean";
    case OptionType::duration:
      return "duration";
    case OptionType::path:
      return "path";
    case OptionType::secret_file:
      return "secret file";
    case OptionType::mode:
      return "mode";
    case OptionType::choice:
      return "choice";
    case OptionType::names:
      return "list of strings";
    case OptionType::command:
      return "command";
    case OptionType::items:
      return "list of tables";
  }
  return "string";
}

Options Options::validate(const Table& table, std::span<const Option> declared, const std::string& key,
                          const Origin& origin, std::span<const std::string_view> ignored, Problems& problems) {
  Options options;
  std::vector<std::string> known;
  for (const Option& option : declared) known.emplace_back(option.name);
  options.declared_ = known;
  const auto path_of = [&key](std::string_view name) {
    return key.empty() ? std::string(name) : fmt::format("{}.{}", key, name);
  };

  for (const auto& [name, value] : table) {
    if (std::ranges::find(ignored, name) != ignored.end()) continue;
    const auto option = std::ranges::find(declared, name, &Option::name);
    if (option == declared.end()) {
      const auto near = nearest(name, known);
      problems.push_back(
          {value.origin, path_of(name), "unknown key",
           near ? fmt::format("did you mean '{}'?", *near) : fmt::format("known here: {}", join(known, ", "))});
      continue;
    }
    const auto complain = [&, &name = name, &value = value](std::string message, std::string hint = {}) {
      problems.push_back({value.origin, path_of(name), std::move(message), std::move(hint)});
    };
    const auto wrong_type = [&, &value = value] {
      complain(fmt::format("expected {}, found {}", expected(option->type), written_type(value)));
    };
    Entry entry{option->type, {}, 0, {}, {}};
    const auto* const text = std::get_if<std::string>(&value.data);
    switch (option->type) {
      case OptionType::integer:
        if (const auto* const number = std::get_if<std::int64_t>(&value.data))
          entry.number = *number;
        else {
          wrong_type();
          continue;
        }
        entry.text = std::to_string(entry.number);
        break;
      case OptionType::boolean:
        if (const auto* const flag = std::get_if<bool>(&value.data))
          entry.number = *flag ? 1 : 0;
        else {
          wrong_type();
          continue;
        }
        entry.text = entry.number != 0 ? "true" : "false";
        break;
      case OptionType::names:
      case OptionType::command: {
        const auto* const list = std::get_if<List>(&value.data);
        const bool alone = text != nullptr && option->type == OptionType::names;
        bool good = alone || list != nullptr;
        if (alone) entry.list.push_back(*text);
        for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
          if (const auto* const word = std::get_if<std::string>(&(*list)[i].data))
            entry.list.push_back(*word);
          else
            good = false;
        }
        if (!good) {
          wrong_type();
          continue;
        }
        if (option->type == OptionType::command && (entry.list.empty() || entry.list.front().empty())) {
          complain("a command needs at least the name of a program");
          continue;
        }
        if (std::ranges::any_of(entry.list, has_nul)) {
          complain("holds a NUL");
          continue;
        }
        entry.text = list_text(entry.list);
        break;
      }
      case OptionType::items: {
        const auto* const list = std::get_if<List>(&value.data);
        if (list == nullptr) {
          wrong_type();
          continue;
        }
        for (std::size_t i = 0; i < list->size(); ++i) {
          const Value& item = (*list)[i];
          const std::string item_key = fmt::format("{}[{}]", path_of(name), i);
          if (const auto* const fields = std::get_if<Table>(&item.data)) {
            entry.items.push_back(validate(*fields, option->fields, item_key, item.origin, {}, problems));
          } else if (std::holds_alternative<std::string>(item.data)) {
            const Table one{{std::string(option->fields.front().name), item}};
            entry.items.push_back(validate(one, option->fields, item_key, item.origin, {}, problems));
          } else {
            problems.push_back(
                {item.origin, item_key, fmt::format("expected a table, found {}", written_type(item)), {}});
          }
        }
        break;
      }
      default: {
        if (text == nullptr) {
          wrong_type();
          continue;
        }
        if (has_nul(*text)) {
          complain("holds a NUL");
          continue;
        }
        entry.text = *text;
        if (option->type == OptionType::path) entry.text = resolve(*text, value.origin);
        if (option->type == OptionType::secret_file && !text->starts_with("credential:"))
          entry.text = resolve(*text, value.origin);
        if ((option->type == OptionType::path || option->type == OptionType::secret_file) && text->empty()) {
          complain("an empty path");
          continue;
        }
        if (option->type == OptionType::duration) {
          const auto duration = parse_duration(*text);
          if (!duration) {
            complain(fmt::format("'{}' is not a duration", printable(*text)), "write for example 90d, 36h or 15m");
            continue;
          }
          entry.number = duration->count();
        }
        if (option->type == OptionType::mode) {
          const auto mode = parse_mode(*text);
          if (!mode) {
            complain(fmt::format("'{}' is not a file mode", printable(*text)), "write for example \"0640\"");
            continue;
          }
          entry.number = *mode;
        }
        if (option->type == OptionType::choice && std::ranges::find(option->choices, *text) == option->choices.end()) {
          complain(fmt::format("'{}' is not one of its values", printable(*text)),
                   fmt::format("one of: {}", fmt::join(option->choices, ", ")));
          continue;
        }
      }
    }
    options.entries_.insert_or_assign(name, std::move(entry));
  }

  for (const Option& option : declared) {
    if (options.entries_.contains(option.name)) continue;
    if (find(table, option.name) != nullptr) continue;  // already complained of
    if (option.required) problems.push_back({origin, path_of(option.name), "is missing", std::string(option.summary)});
    if (option.fallback.empty()) continue;
    Entry entry{option.type, std::string(option.fallback), 0, {}, {}};
    if (option.type == OptionType::integer)
      std::from_chars(entry.text.data(), entry.text.data() + entry.text.size(), entry.number);
    if (option.type == OptionType::boolean) entry.number = option.fallback == "true" ? 1 : 0;
    if (option.type == OptionType::duration)
      entry.number = parse_duration(option.fallback).value_or(Seconds(0)).count();
    if (option.type == OptionType::mode) entry.number = parse_mode(option.fallback).value_or(0);
    if (option.type == OptionType::names || option.type == OptionType::command) {
      entry.list = split(option.fallback, ' ');
      entry.text = list_text(entry.list);
    }
    options.entries_.emplace(option.name, std::move(entry));
  }
  return options;
}

const Options::Entry* Options::get(std::string_view name, std::initializer_list<OptionType> types) const {
  if (std::ranges::find(declared_, name) == declared_.end())
    throw Error(Fault::internal, fmt::format("option '{}' was never declared", name));
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return nullptr;
  if (types.size() > 0 && std::ranges::find(types, entry->second.type) == types.end())
    throw Error(Fault::internal, fmt::format("option '{}' is a {}", name, to_string(entry->second.type)));
  return &entry->second;
}

bool Options::has(std::string_view name) const { return get(name, {}) != nullptr; }

std::string Options::string(std::string_view name) const {
  const Entry* const entry =
      get(name, {OptionType::string, OptionType::path, OptionType::secret_file, OptionType::choice});
  return entry == nullptr ? std::string() : entry->text;
}

std::int64_t Options::integer(std::string_view name) const {
  const Entry* const entry = get(name, {OptionType::integer});
  return entry == nullptr ? 0 : entry->number;
}

bool Options::boolean(std::string_view name) const {
  const Entry* const entry = get(name, {OptionType::boolean});
  return entry != nullptr && entry->number != 0;
}

std::optional<Seconds> Options::duration(std::string_view name) const {
  const Entry* const entry = get(name, {OptionType::duration});
  if (entry == nullptr) return std::nullopt;
  return Seconds(entry->number);
}

std::optional<unsigned> Options::mode(std::string_view name) const {
  const Entry* const entry = get(name, {OptionType::mode});
  if (entry == nullptr) return std::nullopt;
  return static_cast<unsigned>(entry->number);
}

std::vector<std::string> Options::strings(std::string_view name) const {
  const Entry* const entry = get(name, {OptionType::names, OptionType::command});
  return entry == nullptr ? std::vector<std::string>() : entry->list;
}

const std::vector<Options>& Options::items(std::string_view name) const {
  static const std::vector<Options> none;
  const Entry* const entry = get(name, {OptionType::items});
  return entry == nullptr ? none : entry->items;
}

std::vector<std::pair<std::string, std::string>> Options::entries() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string& name : declared_) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) continue;
    const Entry& entry = found->second;
    if (entry.type != OptionType::items) {
      all.emplace_back(name, entry.text);
      continue;
    }
    for (std::size_t i = 0; i < entry.items.size(); ++i)
      for (auto& [field, text] : entry.items[i].entries())
        all.emplace_back(fmt::format("{}[{}].{}", name, i, field), text);
  }
  return all;
}

}  // namespace everseal::base
