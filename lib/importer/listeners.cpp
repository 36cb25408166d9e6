#include "importer/listeners.h"

#include "base/number.h"
#include "base/text.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>
#include <span>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
  Words words;
  for (const std::string& word : base::split(text, ' '))
    if (const std::string_view trimmed = base::trim(word); !trimmed.empty()) words.emplace_back(trimmed);
  return words;
}

std::string blanks_for_tabs(std::string_view text) {
  std::string plain(text);
  std::ranges::replace(plain, '\t', ' ');
  return plain;
}

bool is_port(std::string_view text) { return base::parse_number<std::uint16_t>(text).value_or(0) != 0; }

// "443", "*:443", "[::]:443", "10.0.0.5:443", as somebody on this host connects; nullopt for what is no TCP port.
std::optional<std::string> reached_at(std::string_view address) {
  if (is_port(address)) return fmt::format("127.0.0.1:{}", address);
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || !is_port(address.substr(colon + 1))) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  for (const std::string_view any : {"", "*", "0.0.0.0", "_default_"})
    if (host == any) return fmt::format("127.0.0.1:{}", port);
  if (host == "[::]" || host == "::") return fmt::format("[::1]:{}", port);
  if (host.find('/') != std::string_view::npos || host.starts_with("unix")) return std::nullopt;
  return fmt::format("{}:{}", host, port);
}

// In their order, each once; one by IPv6 only where the port is not reached by IPv4.
std::vector<std::string> distinct(const std::vector<std::string>& all) {
  std::vector<std::string> listeners;
  for (const std::string& one : all) {
    constexpr std::string_view kAnyV6 = "[::1]:";
    const bool is_v4_too =
        one.starts_with(kAnyV6) && std::ranges::find(all, "127.0.0.1:" + one.substr(kAnyV6.size())) != all.end();
    if (!is_v4_too && std::ranges::find(listeners, one) == listeners.end()) listeners.push_back(one);
  }
  return listeners;
}

struct Statement {
  std::string text;  // without its end; of a block what stands before its '{'
  int line = 0;      // of its first word
  int depth = 0;     // how many blocks are around it
  char end = ';';    // or '{', '}'
};

// nginx: words up to ';', '{' or '}'; quotes and comments hide them.
std::vector<Statement> statements_of(std::string_view config) {
  std::vector<Statement> statements;
  Statement current;
  int line = 1;
  int depth = 0;
  char quote = 0;
  for (std::size_t i = 0; i < config.size(); ++i) {
    const char c = config[i];
    if (quote == 0 && c == '#' && (current.text.empty() || current.text.back() == ' ')) {
      i = std::min(config.find('\n', i), config.size()) - 1;
      continue;
    }
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ';' || c == '{' || c == '}') {
      if (c == '}') --depth;
      current.end = c;
      current.depth = depth;
      if (current.line == 0) current.line = line;
      statements.push_back(std::move(current));
      if (c == '{') ++depth;
      current = {};
      continue;
    }
    if (c == '\n') ++line;
    const bool is_blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (is_blank && current.text.empty()) continue;
    if (current.text.empty()) current.line = line;
    current.text += is_blank ? ' ' : c;
  }
  return statements;
}

// Of the statements that stand directly in a block.
std::vector<std::string> encrypted_listeners(std::span<const Statement> block, int depth) {
  std::vector<std::string> listeners;
  for (const Statement& statement : block) {
    const Words words = words_of(statement.text);
    if (statement.depth != depth || words.size() < 2 || words.front() != "listen") continue;
    const auto has = [&](std::string_view word) { return std::ranges::find(words, word) != words.end(); };
    const auto listener = reached_at(words[1]);
    if (listener && !has("quic") && (has("ssl") || listener->ends_with(":443"))) listeners.push_back(*listener);
  }
  return distinct(listeners);
}

// Without comments' lines; `see` gets each with its number.
void for_each_line(std::string_view config, const std::function<void(int, const std::string&)>& see) {
  int number = 0;
  for (const auto whole : std::views::split(config, '\n')) {
    ++number;
    const std::string plain = blanks_for_tabs(std::string_view(whole.begin(), whole.end()));
    const std::string_view line = base::trim(plain);
    if (!line.empty() && line.front() != '#') see(number, std::string(line));
  }
}

}  // namespace

std::vector<Listeners::Block> Listeners::nginx_blocks(std::string_view config) {
  const std::vector<Statement> statements = statements_of(config);
  std::vector<Block> blocks;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    if (statements[i].end == '{') open.push_back(i);
    if (statements[i].end != '}' || open.empty()) continue;
    const std::size_t begin = open.back();
    const Statement& head = statements[begin];
    if (base::trim(head.text) == "server")
      blocks.push_back({head.line, statements[i].line,
                        encrypted_listeners(std::span(statements).subspan(begin, i - begin), head.depth + 1)});
    open.pop_back();
  }
  return blocks;
}

// <VirtualHost 192.0.2.1:443 [2001:db8::1]:443>
std::vector<Listeners::Block> Listeners::apache_blocks(std::string_view config) {
  constexpr std::string_view kBegin = "<virtualhost";
  constexpr std::string_view kEnd = "</virtualhost";
  std::vector<Block> blocks;
  std::optional<Block> open;
  const auto close = [&](int last) {
    if (!open) return;
    open->last = last;
    blocks.push_back(std::move(*open));
    open.reset();
  };
  for_each_line(config, [&](int number, const std::string& written) {
    const std::string line = base::lower(written);
    if (line.starts_with(kEnd)) close(number);
    if (!line.starts_with(kBegin)) return;
    std::vector<std::string> listeners;
    const std::string_view addresses = std::string_view(line).substr(kBegin.size());
    for (const std::string& address : words_of(addresses.substr(0, addresses.find('>'))))
      if (auto listener = reached_at(address)) listeners.push_back(std::move(*listener));
    open = Block{number, number, distinct(listeners)};
  });
  return blocks;
}

// bind :443,10.0.0.5:8443 ssl crt /etc/...
std::vector<Listeners::Block> Listeners::haproxy_blocks(std::string_view config) {
  std::vector<Block> blocks;
  for_each_line(config, [&](int number, const std::string& line) {
    const Words words = words_of(line);
    if (words.size() < 2 || words.front() != "bind" || std::ranges::find(words, "ssl") == words.end()) return;
    std::vector<std::string> listeners;
    for (const std::string& part : base::split(words[1], ',')) {
      std::string_view address = part;
      for (const std::string_view family : {"ipv4@", "ipv6@"})
        if (address.starts_with(family)) address.remove_prefix(family.size());
      if (auto listener = reached_at(address)) listeners.push_back(std::move(*listener));
    }
    blocks.push_back({number, number, distinct(listeners)});
  });
  return blocks;
}

Listeners::Listeners(ServerKind server, std::string_view config) {
  switch (server) {
    case ServerKind::nginx:
      blocks_ = nginx_blocks(config);
      break;
    case ServerKind::apache:
      blocks_ = apache_blocks(config);
      break;
    case ServerKind::haproxy:
      blocks_ = haproxy_blocks(config);
      break;
  }
}

std::vector<std::string> Listeners::at(int number) const {
  const auto block = std::ranges::lower_bound(blocks_, number, {}, &Block::last);
  return block != blocks_.end() && block->first <= number ? block->listeners : std::vector<std::string>();
}

}  // namespace everseal::importer
