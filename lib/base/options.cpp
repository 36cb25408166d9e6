#include "base/options.h"

#include "base/error.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::base {

std::string_view to_string(OptionType type) noexcept {
  switch (type) {
    case OptionType::string:
      return "string";
    case OptionType::integer:
      return "integer";
    case OptionType::port:
      return "port";
    case OptionType::boolean:
      return "boolean";
    case OptionType::duration:
      return "duration";
    case OptionType::path:
      return "path";
    case OptionType::directory:
      return "directory";
    case OptionType::secret_file:
      return "secret file";
    case OptionType::mode:
      return "mode";
    case OptionType::choice:
      return "choice";
    case OptionType::address:
      return "address";
    case OptionType::url:
      return "URL";
    case OptionType::user:
      return "user";
    case OptionType::owner:
      return "owner";
    case OptionType::names:
      return "list of strings";
    case OptionType::servers:
      return "list of addresses";
    case OptionType::command:
      return "command";
    case OptionType::items:
      return "list of tables";
  }
  return "string";
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
  using enum OptionType;
  const Entry* const entry =
      get(name, {OptionType::string, path, directory, secret_file, choice, address, url, user, owner});
  return entry == nullptr ? std::string() : entry->text;
}

std::int64_t Options::integer(std::string_view name) const {
  const Entry* const entry = get(name, {OptionType::integer, OptionType::port});
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
  const Entry* const entry = get(name, {OptionType::names, OptionType::servers, OptionType::command});
  return entry == nullptr ? std::vector<std::string>() : entry->list;
}

const std::vector<Options>& Options::items(std::string_view name) const {
  static const std::vector<Options> none;
  const Entry* const entry = get(name, {OptionType::items});
  return entry == nullptr ? none : entry->items;
}

std::vector<std::pair<std::string_view, const Options::Entry*>> Options::entries() const {
  std::vector<std::pair<std::string_view, const Entry*>> all;
  for (const std::string& name : declared_)
    if (const auto found = entries_.find(name); found != entries_.end()) all.emplace_back(name, &found->second);
  return all;
}

}  // namespace everseal::base
