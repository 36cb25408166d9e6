// Files of targets, in the forms that people have them.
#include "base/error.h"
#include "base/text.h"
#include "net/json.h"
#include "probe/address.h"
#include "scan/named_file.h"
#include "scan/targets.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kLargestTargetFile = std::size_t{64} << 20;
constexpr std::size_t kTroublesShown = 20;

// One target as a file says it.
struct Entry {
  int line = 0;
  std::string target;
  std::vector<std::pair<std::string, std::string>> says;  // "environment", "team", "sni", "starttls", "address", labels
};

struct Troubles {
  std::string path;
  std::vector<std::string> texts;

  void add(int line, const std::string& text) { texts.push_back(fmt::format("{}:{}: {}", path, line, text)); }
  void end() const {
    if (texts.empty()) return;
    std::string message = texts.size() == 1 ? texts.front() : fmt::format("{} targets are wrong:", texts.size());
    for (std::size_t i = 0; texts.size() > 1 && i < std::min(texts.size(), kTroublesShown); ++i)
      message += "\n  " + texts[i];
    if (texts.size() > kTroublesShown) message += fmt::format("\n  and {} more", texts.size() - kTroublesShown);
    throw Error(Fault::config, message, "put it right and ask again");
  }
};

std::string_view without_comment(std::string_view line) { return base::trim(line.substr(0, line.find('#'))); }

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t at = line.find_first_not_of(" \t"); at != std::string_view::npos;) {
    const auto end = line.find_first_of(" \t", at);
    words.emplace_back(line.substr(at, end - at));
    at = line.find_first_not_of(" \t", end);
  }
  return words;
}

// RFC 4180, but for line breaks within quotes.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += c;
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  for (std::string& cell : cells) cell = std::string(base::trim(cell));
  return cells;
}

// TARGET KEY=VALUE ...
std::vector<Entry> read_lines(const std::vector<std::string>& lines, Troubles& troubles) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    const auto words = words_of(without_comment(lines[i]));
    if (words.empty()) continue;
    Entry entry{.line = number, .target = words.front(), .says = {}};
    for (std::size_t word = 1; word < words.size(); ++word) {
      const auto equals = words[word].find('=');
      if (equals == std::string::npos || equals == 0)
        troubles.add(number, fmt::format("'{}' is not KEY=VALUE", base::printable(words[word].substr(0, 80))));
      else
        entry.says.emplace_back(words[word].substr(0, equals), words[word].substr(equals + 1));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

// ADDRESS NAME ..., as hosts(5): each name is an endpoint at that address.
std::vector<Entry> read_hosts(const std::vector<std::string>& lines, Troubles& troubles) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    const auto words = words_of(without_comment(lines[i]));
    if (words.empty()) continue;
    if (!probe::is_address(words.front()))
      troubles.add(number, fmt::format("'{}' is not an address", base::printable(words.front().substr(0, 80))));
    for (std::size_t word = 1; word < words.size(); ++word)
      entries.push_back({.line = number, .target = words[word], .says = {{"address", words.front()}}});
  }
  return entries;
}

std::string with_port(const std::string& host, const std::string& port) {
  return host.contains(':') && !host.starts_with('[') ? fmt::format("[{}]:{}", host, port)
                                                      : fmt::format("{}:{}", host, port);
}

std::vector<Entry> read_csv(const std::vector<std::string>& lines, Troubles& troubles) {
  std::vector<Entry> entries;
  std::vector<std::string> head;
  const auto has = [&](std::string_view column) { return std::ranges::find(head, column) != head.end(); };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    if (base::trim(lines[i]).empty()) continue;
    const auto cells = cells_of(lines[i]);
    if (head.empty()) {
      for (const std::string& cell : cells) head.push_back(base::lower(cell));
      if (has("target") || has("host")) continue;
      troubles.add(number,
                   "the head line of a CSV file names a column \"target\" (HOST:PORT), or \"host\" and \"port\"");
      break;
    }
    if (cells.size() != head.size()) {
      troubles.add(number, fmt::format("{} cells, where the head line has {}", cells.size(), head.size()));
      continue;
    }
    Entry entry{.line = number, .target = {}, .says = {}};
    std::string port;
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
      if (head[cell] == "target" || (head[cell] == "host" && !has("target")))
        entry.target = cells[cell];
      else if (head[cell] == "port" && !has("target"))
        port = cells[cell];
      else if (!cells[cell].empty())
        entry.says.emplace_back(head[cell], cells[cell]);
    }
    if (!port.empty()) entry.target = with_port(entry.target, port);
    entries.push_back(std::move(entry));
  }
  return entries;
}

// The line that a JSON string stands in; the first, where it stands in several.
int line_of(const std::string& text, const std::string& word) {
  std::string literal;
  base::append_json_string(literal, word);
  const auto at = text.find(literal);
  return 1 + static_cast<int>(std::count(
                 text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at == std::string::npos ? 0 : at), '\n'));
}

// [{"targets": ["HOST:PORT", ...], "labels": {"env": "prod", ...}}, ...]; labels that begin with "__" are Prometheus'
// own.
std::vector<Entry> read_file_sd(const std::string& text, Troubles& troubles) {
  std::vector<Entry> entries;
  base::Value document;
  try {
    document = net::parse_json(text, "the file of targets");
  } catch (const Error& error) {
    troubles.add(1, error.message());
    return entries;
  }
  const auto* const groups = std::get_if<base::List>(&document.data);
  if (groups == nullptr) {
    troubles.add(1, "a list of groups was expected");
    return entries;
  }
  for (const base::Value& group : *groups) {
    const auto* const table = std::get_if<base::Table>(&group.data);
    const base::Value* const targets = table == nullptr ? nullptr : base::find(*table, "targets");
    const auto* const list = targets == nullptr ? nullptr : std::get_if<base::List>(&targets->data);
    if (list == nullptr) {
      troubles.add(1, "a group without a list \"targets\"");
      continue;
    }
    std::vector<std::pair<std::string, std::string>> says;
    if (const base::Table* const labels = net::object_at(*table, "labels"))
      for (const auto& [key, value] : *labels)
        if (const auto* const word = std::get_if<std::string>(&value.data); word && !key.starts_with("__"))
          says.emplace_back(key, *word);
    for (const base::Value& target : *list) {
      const auto* const word = std::get_if<std::string>(&target.data);
      if (word == nullptr)
        troubles.add(1, "a target that is no text");
      else
        entries.push_back({.line = line_of(text, *word), .target = *word, .says = says});
    }
  }
  return entries;
}

enum class Form { lines, csv, hosts, file_sd };

Form form_of(const std::string& text, const std::vector<std::string>& lines) {
  if (base::trim(text).starts_with('[') && base::trim(text).ends_with(']') && text.find('{') != std::string::npos)
    return Form::file_sd;
  for (const std::string& line : lines) {
    const std::string_view content = without_comment(line);
    if (content.empty()) continue;
    // No endpoint has a comma.
    if (content.contains(',') || base::lower(content) == "target") return Form::csv;
    const auto words = words_of(content);
    const bool names_follow = words.size() > 1 && words[1].find('=') == std::string::npos;
    return names_follow && probe::is_address(words.front()) ? Form::hosts : Form::lines;
  }
  return Form::lines;
}

Defaults defaults_of(const Entry& entry, const Defaults& defaults, std::string& address) {
  Defaults own = defaults;
  for (const auto& [key, value] : entry.says) {
    if (key == "environment" || key == "env")
      own.environment = value;
    else if (key == "team")
      own.team = value;
    else if (key == "sni")
      own.sni = value;
    else if (key == "starttls")
      own.starttls = value;
    else if (key == "address")
      address = value;
    else
      own.labels.push_back(key + "=" + value);
  }
  return own;
}

}  // namespace

std::vector<Wanted> read_targets(const std::string& path, const Defaults& defaults, std::size_t most) {
  const base::Bytes octets = read_named_file(path, kLargestTargetFile, "targets");
  std::string text(base::as_text(octets));
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  std::vector<std::string> lines = base::split(text, '\n');
  for (std::string& line : lines)
    if (line.ends_with('\r')) line.pop_back();
  Troubles troubles{.path = path, .texts = {}};
  std::vector<Entry> entries;
  switch (form_of(text, lines)) {
    case Form::lines:
      entries = read_lines(lines, troubles);
      break;
    case Form::csv:
      entries = read_csv(lines, troubles);
      break;
    case Form::hosts:
      entries = read_hosts(lines, troubles);
      break;
    case Form::file_sd:
      entries = read_file_sd(text, troubles);
      break;
  }
  std::vector<Wanted> all;
  for (const Entry& entry : entries) {
    std::string address;
    const Defaults own = defaults_of(entry, defaults, address);
    try {
      if (own.settings != nullptr) {
        config::require_environment(*own.settings, own.environment);
        config::require_team(*own.settings, own.team);
      }
      for (Wanted& one : parse_targets(entry.target, own, most)) {
        if (!address.empty()) one.target.address = address;
        all.push_back(std::move(one));
      }
    } catch (const Error& error) {
      troubles.add(entry.line, error.text());
    }
  }
  troubles.end();
  return all;
}

}  // namespace everseal::scan
