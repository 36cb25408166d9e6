#include "base/text.h"
#include "discover/servers/address.h"
#include "discover/servers/readers.h"
#include "discover/servers/settings.h"

#include <algorithm>

namespace everseal::discover {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// name = value, name value, name = 'it''s'; '#' begins a comment.
std::vector<std::string> postgresql_words(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < line.size() && words.size() < 2;) {
    if (is_blank(line[at]) || (line[at] == '=' && words.size() == 1)) {
      ++at;
      continue;
    }
    if (line[at] == '#') break;
    std::string word;
    if (line[at] == '\'') {
      for (++at; at < line.size(); ++at) {
        if (line[at] == '\'' && (at + 1 == line.size() || line[at + 1] != '\'')) break;
        if ((line[at] == '\'' || line[at] == '\\') && at + 1 < line.size()) ++at;
        word += line[at];
      }
      ++at;
    } else {
      while (at < line.size() && !is_blank(line[at]) && line[at] != '#' && (line[at] != '=' || !words.empty()))
        word += line[at++];
    }
    words.push_back(std::move(word));
  }
  return words;
}

void parse_postgresql(std::string_view text, Statements& to) {
  const std::string directory = base::split_path(to.present_file()).first;
  int number = 0;
  for (const std::string& line : base::split(text, '\n')) {
    ++number;
    std::vector<std::string> words = postgresql_words(line);
    if (words.size() != 2) continue;
    words.front() = base::lower(words.front());
    const std::string& name = words.front();
    const std::string path = path_below(directory, words[1]);
    if (name == "include")
      to.include(path, number, Statements::Absent::is_trouble);
    else if (name == "include_if_exists")
      to.include(path, number, Statements::Absent::is_fine);
    else if (name == "include_dir")
      to.include(path + "/*.conf", number, Statements::Absent::is_fine);
    else
      to.add(std::move(words), number);
  }
}

bool is_on(std::string_view value) {
  const std::string low = base::lower(value);
  return low == "on" || low == "true" || low == "yes" || low == "1";
}

}  // namespace

ReadConfig read_postgresql(const HostFiles* host, std::string_view config) {
  if (host == nullptr) return {};
  Statements statements(host, parse_postgresql);
  statements.read_file(std::string(config));
  Settings settings;
  settings.set_all(statements.all, kTop);
  const std::string data = settings.value("data_directory", base::split_path(std::string(config)).first);
  statements.include(data + "/postgresql.auto.conf", 0, Statements::Absent::is_fine);  // of ALTER SYSTEM
  settings.set_all(statements.all, kTop);

  Site site;
  site.where = {std::string(config), 0};
  if (const Setting* const ssl = settings.find("ssl")) {
    site.where = ssl->where;
    site.speaks_tls = is_on(ssl->value);
  }
  site.last_line = site.where.line;
  const auto add = [&](std::string_view name, std::string_view otherwise, Role role) {
    const Setting* const setting = settings.find(name);
    add_file(site, role, data, setting != nullptr ? setting->value : otherwise,
             setting != nullptr ? setting->where : site.where);
  };
  if (site.speaks_tls) {
    add("ssl_cert_file", "server.crt", Role::certificate);
    add("ssl_key_file", "server.key", Role::key);
    add("ssl_ca_file", "", Role::client_authorities);
    for (const std::string& one : base::split(settings.value("listen_addresses", "localhost"), ',')) {
      const std::string address(base::trim(one));
      const bool is_v6 = std::ranges::count(address, ':') > 1;
      if (address.empty()) continue;
      if (auto reached = reached_at((address == "localhost" ? "*"
                                     : is_v6                ? "[" + address + "]"
                                                            : address) +
                                    ":" + settings.value("port", "5432")))
        site.listeners.push_back({std::move(*reached), "postgres", site.where});
    }
  }
  std::vector<Site> sites;
  sites.push_back(std::move(site));
  return {std::move(sites), std::move(statements.files), std::move(statements.troubles)};
}

}  // namespace everseal::discover
