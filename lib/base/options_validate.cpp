// From what was written to what it means.
#include "base/encoding.h"
#include "base/error.h"
#include "base/number.h"
#include "base/options.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace everseal::base {
namespace {

constexpr std::size_t kShown = 80;
constexpr std::size_t kUnknownShown = 20;  // of one table

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
    case OptionType::port:
      return "a port number";
    case OptionType::boolean:
      return "true or false";
    case OptionType::duration:
      return "a duration like \"90d\"";
    case OptionType::mode:
      return "a file mode like \"0640\"";
    case OptionType::names:
    case OptionType::servers:
    case OptionType::command:
      return "a list of strings";
    case OptionType::items:
      return "a list of tables";
    default:
      return "a string";
  }
}

std::optional<std::int64_t> parse_mode(std::string_view text) {
  const auto mode = parse_number<unsigned>(text, 8);
  if (!mode || text.size() < 3 || text.size() > 5 || *mode > 07777) return std::nullopt;
  return *mode;
}

// ["a", "b c"]: different lists have different texts.
std::string list_text(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const std::string& word : list) {
    if (text.size() > 1) text += ", ";
    append_json_string(text, word);
  }
  return text + "]";
}

bool is_address(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));  // without the scope of a link-local one
  in6_addr ignored{};
  return inet_pton(AF_INET, address.c_str(), &ignored) == 1 || inet_pton(AF_INET6, address.c_str(), &ignored) == 1;
}

// ADDRESS, ADDRESS:PORT, [ADDRESS] or [ADDRESS]:PORT.
bool is_server(std::string_view text) {
  if (is_address(text)) return true;
  const bool bracketed = text.starts_with('[');
  const auto end = bracketed ? text.find(']') : text.rfind(':');
  if (end == std::string_view::npos) return false;
  const std::string_view host = bracketed ? text.substr(1, end - 1) : text.substr(0, end);
  const std::string_view rest = text.substr(bracketed ? end + 1 : end);
  if (!is_address(host) || (!bracketed && host.find(':') != std::string_view::npos)) return false;
  if (rest.empty()) return true;
  const auto port = rest.front() == ':' ? parse_number<std::int64_t>(rest.substr(1)) : std::nullopt;
  return port && *port >= 1 && *port <= 65535;
}

// The part of a URL between the scheme and the path.
std::string_view authority_of(std::string_view url) {
  const auto scheme = url.find("://");
  const std::string_view rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

bool has_scheme(std::string_view url) {
  const auto end = url.find("://");
  return end != std::string_view::npos && end > 0 && std::ranges::all_of(url.substr(0, end), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+';
         });
}

// A word that people write for a shell. `find` takes a semicolon itself.
bool is_for_a_shell(std::string_view word, std::string_view program) {
  constexpr std::array<std::string_view, 13> operators{"&&", "||", "|",  ";",    "&",    ">",  ">>",
                                                       "<",  "2>", "&>", "2>&1", "1>&2", ">&2"};
  if (word == ";" && program.substr(program.rfind('/') + 1) == "find") return false;
  return std::ranges::find(operators, word) != operators.end() || word.ends_with(';') || word.starts_with("$(") ||
         word.starts_with('`');
}

bool is_shell(std::string_view program) {
  constexpr std::array<std::string_view, 6> shells{"sh", "bash", "dash", "zsh", "ksh", "busybox"};
  return std::ranges::find(shells, program.substr(program.rfind('/') + 1)) != shells.end();
}

}  // namespace

std::string resolve_path(const std::string& path, const Origin& origin) {
  if (path.empty() || path.front() == '/' || origin.line == 0) return path;
  return (std::filesystem::absolute(origin.file).parent_path() / path).lexically_normal().string();
}

class Options::Validation {
 public:
  Validation(const Table& table, std::span<const Option> declared, const std::string& key, Problems& problems)
      : table_(table), declared_(declared), key_(key), problems_(problems) {
    for (const Option& option : declared) options_.declared_.emplace_back(option.name);
  }

  // `is_foreign`: whether a key that is not declared belongs to somebody else.
  template <class IsForeign>
  void read_all(IsForeign is_foreign) {
    for (const auto& [name, value] : table_) {
      const auto option = std::ranges::find(declared_, name, &Option::name);
      if (option != declared_.end())
        read(*option, value);
      else if (!is_foreign(name))
        complain_of_unknown(name, value);
    }
  }

  Options finish(const Origin& origin) {
    for (const Option& option : declared_) {
      if (options_.entries_.contains(option.name)) continue;
      if (find(table_, option.name) != nullptr) continue;  // already complained of
      if (option.required)
        problems_.push_back({origin, path_of(option.name), "is missing", std::string(option.summary)});
      if (!option.fallback.empty()) options_.entries_.emplace(option.name, fallback_of(option));
    }
    if (unknown_ > kUnknownShown)
      problems_.push_back({origin, key_, fmt::format("and {} more unknown keys", unknown_ - kUnknownShown), {}});
    return std::move(options_);
  }

 private:
  std::string path_of(std::string_view name) const {
    return key_.empty() ? std::string(name) : fmt::format("{}.{}", key_, name);
  }

  void complain_of_unknown(const std::string& name, const Value& value) {
    if (++unknown_ > kUnknownShown) return;
    const auto near = nearest(name, options_.declared_);
    problems_.push_back({value.origin, path_of(name), "unknown key",
                         near ? fmt::format("did you mean '{}'?", *near)
                              : fmt::format("known here: {}", join(options_.declared_, ", "))});
  }

  void complain(const Option& option, const Value& value, std::string message, std::string hint = {}) {
    problems_.push_back({value.origin, path_of(option.name), std::move(message), std::move(hint)});
  }

  void read(const Option& option, const Value& value) {
    Entry entry{option.type, {}, 0, {}, {}};
    const std::size_t before = problems_.size();
    if (!read_into(option, value, entry) && problems_.size() == before)
      complain(option, value, fmt::format("expected {}, found {}", expected(option.type), written_type(value)),
               repaired(option, value));
    if (problems_.size() == before || option.type == OptionType::items)
      options_.entries_.insert_or_assign(std::string(option.name), std::move(entry));
  }

  // False where the type is another; what is wrong beyond that is complained of.
  bool read_into(const Option& option, const Value& value, Entry& entry) {
    switch (option.type) {
      case OptionType::integer:
      case OptionType::port:
        return read_integer(option, value, entry);
      case OptionType::boolean: {
        const auto* const flag = std::get_if<bool>(&value.data);
        if (flag == nullptr) return false;
        entry.number = *flag ? 1 : 0;
        entry.text = *flag ? "true" : "false";
        return true;
      }
      case OptionType::names:
      case OptionType::servers:
      case OptionType::command:
        return read_list(option, value, entry);
      case OptionType::items:
        return read_items(option, value, entry);
      default:
        return read_text(option, value, entry);
    }
  }

  bool read_integer(const Option& option, const Value& value, Entry& entry) {
    const auto* const number = std::get_if<std::int64_t>(&value.data);
    if (number == nullptr) return false;
    const bool port = option.type == OptionType::port;
    const std::int64_t lowest = port ? 1 : option.lowest;
    const std::int64_t highest = port ? 65535 : option.highest;
    if (*number < lowest || *number > highest)
      complain(option, value, fmt::format("{} is out of range", *number),
               highest == std::numeric_limits<std::int64_t>::max() ? fmt::format("{} or more", lowest)
                                                                   : fmt::format("{} to {}", lowest, highest));
    entry.number = *number;
    entry.text = std::to_string(*number);
    return true;
  }

  bool read_list(const Option& option, const Value& value, Entry& entry) {
    const auto* const text = std::get_if<std::string>(&value.data);
    const auto* const list = std::get_if<List>(&value.data);
    if (text == nullptr && list == nullptr) return false;
    if (text != nullptr && option.type == OptionType::command) {
      auto words = split_words(*text);
      if (!words) {
        complain(option, value, "a quote is not closed", "write the words as a list instead");
        return true;
      }
      entry.list = std::move(*words);
    } else if (text != nullptr) {
      entry.list.push_back(*text);
    } else {
      for (const Value& item : *list) {
        const auto* const word = std::get_if<std::string>(&item.data);
        if (word == nullptr) return false;
        entry.list.push_back(*word);
      }
    }
    if (std::ranges::any_of(entry.list, has_nul)) complain(option, value, "holds a NUL");
    if (option.type == OptionType::command) check_command(option, value, entry.list);
    if (option.type == OptionType::servers) check_servers(option, value, entry.list);
    entry.text = list_text(entry.list);
    return true;
  }

  void check_command(const Option& option, const Value& value, const std::vector<std::string>& argv) {
    if (argv.empty() || argv.front().empty()) {
      complain(option, value, "a command needs at least the name of a program");
      return;
    }
    const auto found =
        std::ranges::find_if(argv, [&](const std::string& word) { return is_for_a_shell(word, argv.front()); });
    if (found == argv.end()) return;
    const auto* const text = std::get_if<std::string>(&value.data);
    const std::string line = text != nullptr ? *text : join(argv, " ");
    complain(
        option, value,
        fmt::format("'{}' means something to a shell only, and none runs it",
                    printable(std::string_view(*found).substr(0, kShown))),
        is_shell(argv.front()) ? std::string("put what the shell is to do into one word behind -c")
        : value.origin.file.starts_with("--")
            ? fmt::format("hand it to a shell: {} \"sh -c '...'\"", value.origin.file)
            : fmt::format("write {} = {}", option.name, printable(list_text({"/bin/sh", "-c", line}).substr(0, 400))));
  }

  void check_servers(const Option& option, const Value& value, const std::vector<std::string>& servers) {
    for (const std::string& server : servers)
      if (!is_server(server))
        complain(
            option, value,
            fmt::format("'{}' is not the address of a server", printable(std::string_view(server).substr(0, kShown))),
            "write for example \"192.0.2.53\" or \"[2001:db8::53]:53\"");
  }

  bool read_items(const Option& option, const Value& value, Entry& entry) {
    const auto* const list = std::get_if<List>(&value.data);
    if (list == nullptr &&
        (std::holds_alternative<std::string>(value.data) || std::holds_alternative<Table>(value.data))) {
      read_item(option, value, path_of(option.name), entry);
      return true;
    }
    if (list == nullptr) return false;
    for (std::size_t i = 0; i < list->size(); ++i)
      read_item(option, (*list)[i], fmt::format("{}[{}]", path_of(option.name), i), entry);
    return true;
  }

  void read_item(const Option& option, const Value& item, const std::string& key, Entry& entry) {
    if (const auto* const fields = std::get_if<Table>(&item.data)) {
      entry.items.push_back(validate(*fields, option.fields, key, item.origin, {}, problems_));
    } else if (std::holds_alternative<std::string>(item.data)) {
      const Table one{{std::string(option.fields.front().name), item}};
      entry.items.push_back(validate(one, option.fields, key, item.origin, {}, problems_));
    } else {
      problems_.push_back({item.origin, key, fmt::format("expected a table, found {}", written_type(item)), {}});
    }
  }

  bool read_text(const Option& option, const Value& value, Entry& entry) {
    const auto* const text = std::get_if<std::string>(&value.data);
    if (text == nullptr) return false;
    entry.text = *text;
    if (has_nul(*text)) {
      complain(option, value, "holds a NUL");
      return true;
    }
    const std::string shown = printable(std::string_view(*text).substr(0, kShown));
    switch (option.type) {
      case OptionType::path:
      case OptionType::directory:
      case OptionType::secret_file:
        if (text->empty()) complain(option, value, "an empty path");
        if (option.type != OptionType::secret_file || !text->starts_with("credential:"))
          entry.text = resolve_path(*text, value.origin);
        break;
      case OptionType::duration:
        if (const auto duration = parse_duration(*text))
          entry.number = duration->count();
        else
          complain(option, value, fmt::format("'{}' is not a duration", shown), "write for example 90d, 36h or 15m");
        break;
      case OptionType::mode:
        if (const auto mode = parse_mode(*text))
          entry.number = *mode;
        else
          complain(option, value, fmt::format("'{}' is not a file mode", shown), "write for example \"0640\"");
        break;
      case OptionType::choice:
        if (std::ranges::find(option.choices, *text) == option.choices.end())
          complain(option, value, fmt::format("'{}' is not one of its values", shown),
                   fmt::format("one of: {}", fmt::join(option.choices, ", ")));
        break;
      case OptionType::address:
        if (!is_address(*text))
          complain(option, value, fmt::format("'{}' is not an IP address", shown),
                   "write for example \"192.0.2.1\" or \"::1\"");
        break;
      case OptionType::url:
        check_url(option, value, *text, shown);
        break;
      case OptionType::user:
      case OptionType::owner:
        if (text->empty() || *text == ":" || text->find_first_of(" \t\n/") != std::string::npos)
          complain(option, value, fmt::format("'{}' is no name of a user", shown));
        break;
      default:
        break;
    }
    return true;
  }

  void check_url(const Option& option, const Value& value, const std::string& url, const std::string& shown) {
    // Never shown: it may hold a password.
    if (authority_of(url).find('@') != std::string_view::npos) {
      const std::string file = fmt::format("{}_password_file", option.name);
      const bool has_file = std::ranges::find(declared_, file, &Option::name) != declared_.end();
      complain(option, value, "a user's name or password in a URL is refused",
               has_file ? fmt::format("say USER:PASSWORD in a file, and {} = \"PATH\" or \"credential:NAME\"", file)
                        : std::string("write the URL without what stands before its '@'"));
    } else if (!has_scheme(url) || authority_of(url).empty() ||
               url.find_first_of(" \t\r\n\"<>\\") != std::string::npos) {
      const bool repairable = url.find("://") == std::string::npos && is_plain_host(url);
      complain(option, value, fmt::format("'{}' is no URL", shown),
               repairable
                   ? fmt::format("write {} = \"{}://{}\"", option.name, option.name == "proxy" ? "http" : "https", url)
                   : std::string("write for example \"https://ca.example.org/directory\""));
    }
  }

  static bool is_plain_host(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
             c == ':' || c == '/';
    });
  }

  // The line as it was probably meant; "" where that cannot be told.
  static std::string repaired(const Option& option, const Value& value) {
    std::string text;
    if (const auto* const written = std::get_if<std::string>(&value.data)) text = *written;
    if (const auto* const number = std::get_if<std::int64_t>(&value.data)) text = std::to_string(*number);
    if (const auto* const flag = std::get_if<bool>(&value.data)) text = *flag ? "true" : "false";
    if (const auto* const list = std::get_if<List>(&value.data); list != nullptr && list->size() == 1)
      if (const auto* const word = std::get_if<std::string>(&list->front().data)) text = *word;
    if (text.empty() || text.size() > kShown || printable(text) != text) return {};
    const auto quoted = [&](std::string_view what) {
      std::string line = fmt::format("write {} = ", option.name);
      append_json_string(line, what);
      return line;
    };
    switch (option.type) {
      case OptionType::integer:
      case OptionType::port:
        return parse_number<std::int64_t>(text) ? fmt::format("write {} = {}", option.name, text) : std::string();
      case OptionType::boolean:
        if (text == "true" || text == "yes" || text == "on" || text == "1")
          return fmt::format("write {} = true", option.name);
        if (text == "false" || text == "no" || text == "off" || text == "0")
          return fmt::format("write {} = false", option.name);
        return {};
      case OptionType::duration:
        if (parse_duration(text)) return quoted(text);
        return parse_duration(text + "s") ? quoted(text + "s") : std::string();
      case OptionType::mode:
        if (!parse_mode(text)) return {};
        return quoted(text.starts_with('0') ? text : "0" + text);
      case OptionType::choice:
        return std::ranges::find(option.choices, text) == option.choices.end() ? std::string() : quoted(text);
      case OptionType::names:
      case OptionType::servers:
      case OptionType::command:
        return fmt::format("write {} = {}", option.name, list_text({text}));
      case OptionType::items:
        return {};
      default:
        return quoted(text);
    }
  }

  static Entry fallback_of(const Option& option) {
    Entry entry{option.type, std::string(option.fallback), 0, {}, {}};
    switch (option.type) {
      case OptionType::integer:
      case OptionType::port:
        entry.number = parse_number<std::int64_t>(option.fallback).value_or(0);
        break;
      case OptionType::boolean:
        entry.number = option.fallback == "true" ? 1 : 0;
        break;
      case OptionType::duration:
        entry.number = parse_duration(option.fallback).value_or(Seconds(0)).count();
        break;
      case OptionType::mode:
        entry.number = parse_mode(option.fallback).value_or(0);
        break;
      case OptionType::names:
      case OptionType::servers:
      case OptionType::command:
        entry.list = split(option.fallback, ' ');
        entry.text = list_text(entry.list);
        break;
      default:
        break;
    }
    return entry;
  }

  const Table& table_;
  std::span<const Option> declared_;
  const std::string& key_;
  Problems& problems_;
  std::size_t unknown_ = 0;
  Options options_;
};

Options Options::validate(const Table& table, std::span<const Option> declared, const std::string& key,
                          const Origin& origin, std::span<const std::string_view> ignored, Problems& problems) {
  Validation validation(table, declared, key, problems);
  validation.read_all([&](std::string_view name) { return std::ranges::find(ignored, name) != ignored.end(); });
  return validation.finish(origin);
}

Options Options::validate_declared(const Table& table, std::span<const Option> declared, const std::string& key,
                                   const Origin& origin, Problems& problems) {
  Validation validation(table, declared, key, problems);
  validation.read_all([](std::string_view) { return true; });
  return validation.finish(origin);
}

}  // namespace everseal::base
