#include "base/text.h"
#include "discover/host_files.h"
#include "discover/servers/address.h"
#include "discover/servers/readers.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

bool is_section(std::string_view word) {
  constexpr std::array<std::string_view, 17> kSections = {
      "global", "defaults", "frontend",    "backend", "listen",      "userlist",  "peers",    "resolvers", "mailers",
      "cache",  "program",  "http-errors", "ring",    "log-forward", "crt-store", "fcgi-app", "acme"};
  return std::ranges::find(kSections, word) != kSections.end();
}

// A keyword a line; quotes and backslashes keep blanks, '#' begins a comment. A section goes on to the next one.
std::vector<std::string> haproxy_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool is_open = false;
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\r')) {
      if (is_open) words.push_back(std::exchange(word, {}));
      is_open = false;
      continue;
    }
    if (quote == 0 && c == '#') break;
    is_open = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && at + 1 < line.size()) {
      word += line[++at];
    } else {
      word += c;
    }
  }
  if (is_open) words.push_back(std::move(word));
  return words;
}

void parse_haproxy(std::string_view text, Statements& to) {
  int number = 0;
  for (const std::string& line : base::split(text, '\n')) {
    ++number;
    std::vector<std::string> words = haproxy_words(line);
    if (words.empty()) continue;
    if (is_section(words.front())) {
      to.close(number - 1);
      to.open(std::move(words), number);
    } else {
      to.add(std::move(words), number);
    }
  }
  to.close(number);
}

constexpr std::pair<std::string_view, Role> kBindFiles[] = {
    {"crt", Role::both}, {"default-crt", Role::both}, {"ca-file", Role::client_authorities}};
constexpr std::pair<std::string_view, Role> kServerFiles[] = {{"crt", Role::upstream_certificate},
                                                              {"ca-file", Role::upstream_authorities}};

class HaproxySites {
 public:
  HaproxySites(const std::vector<Statement>& all, const HostFiles* host, std::string_view directory,
               std::vector<ConfigTrouble>& troubles)
      : all_(all), host_(host), directory_(directory), troubles_(troubles) {}

  std::vector<Site> run() {
    for_each_in(all_, kTop, [&](std::size_t i) {
      const Statement& one = all_[i];
      if (!one.is_block) return;
      if (one.name() == "global") read_global(i);
      if (one.name() == "backend") backends_.emplace(std::string(one.value()), i);
    });
    for_each_in(all_, kTop, [&](std::size_t i) { add_binds(i); });
    return std::move(sites_);
  }

 private:
  void read_global(std::size_t index) {
    for_each_in(all_, index, [&](std::size_t i) {
      const Statement& one = all_[i];
      if (one.name() == "crt-base") certificates_ = path_below(directory_, one.value());
      if (one.name() == "ca-base") authorities_ = path_below(directory_, one.value());
      if (one.name() == "ssl-server-verify") is_verified_ = one.value() != "none";
    });
  }

  // Each bind line alone, also one outside of any section: of a file that is only a part.
  void add_binds(std::size_t index) {
    const Statement& section = all_[index];
    if (section.name() == "bind") return add_bind(index);
    if (!section.is_block) return;
    const std::size_t before = sites_.size();
    for_each_in(all_, index, [&](std::size_t i) {
      if (all_[i].name() == "bind") add_bind(i);
    });
    if (sites_.size() == before) return;
    // Of all binds alike: told once.
    for (const std::size_t backend : backends_of(index)) add_upstreams(backend, sites_[before]);
  }

  void add_bind(std::size_t index) {
    const Statement& bind = all_[index];
    if (!bind.has("ssl")) return;
    Site site;
    site.where = bind.where;
    site.last_line = bind.where.line;
    site.speaks_tls = true;
    for (const std::string& part : base::split(bind.value(), ',')) {
      std::string_view address = part;
      for (const std::string_view family : {"ipv4@", "ipv6@"})
        if (address.starts_with(family)) address.remove_prefix(family.size());
      if (auto listener = reached_at(address))
        site.listeners.push_back({std::move(*listener), "", bind.where});
      else if (address.find_first_of("/@") == std::string_view::npos)  // no socket: a variable, or several ports
        troubles_.push_back(
            {bind.where, Reason::unsupported,
             fmt::format("\"{}\" is not looked at: name its listeners in the config as [endpoint]", shown(address))});
    }
    add_files(bind, kBindFiles, site);
    for (std::size_t i = 2; i + 1 < bind.words.size(); ++i)
      if (bind.words[i] == "crt-list") add_list(bind.words[i + 1], bind.where, site);
    sites_.push_back(std::move(site));
  }

  void add_files(const Statement& one, std::span<const std::pair<std::string_view, Role>> files, Site& site) const {
    for (std::size_t i = 1; i + 1 < one.words.size(); ++i)
      for (const auto& [word, role] : files)
        if (one.words[i] == word && !one.words[i + 1].starts_with('@'))
          add_file(site, role, word == "ca-file" ? authorities_ : certificates_, one.words[i + 1], one.where);
  }

  // A certificate a line, options in brackets, then the names that it serves.
  void add_list(std::string_view path, const Where& where, Site& site) {
    const std::string whole = path_below(directory_, path);
    if (host_ == nullptr || whole.empty()) return;
    int number = 0;
    for (const std::string& line : base::split(host_->read(whole), '\n')) {
      ++number;
      const std::vector<std::string> words = haproxy_words(line.substr(0, line.find('[')));
      if (words.empty()) continue;
      add_file(site, Role::both, certificates_, words.front(), {whole, number});
      const std::size_t behind = line.find('[') == std::string::npos ? 0 : line.find(']');
      std::vector<std::string> names =
          haproxy_words(behind == std::string::npos ? "" : std::string_view(line).substr(behind));
      for (const std::string& name : std::span(names).subspan(std::min<std::size_t>(1, names.size())))
        if (!name.starts_with('!') && !name.starts_with('[')) site.names.push_back(base::lower(name));
    }
    if (!host_->has_file(whole))
      troubles_.push_back({where, Reason::not_found, base::printable(whole) + " is not there"});
  }

  // Those that requests of this frontend may go to, and itself where it is a listen section.
  std::vector<std::size_t> backends_of(std::size_t index) const {
    std::vector<std::size_t> found;
    if (all_[index].name() == "listen") found.push_back(index);
    for_each_in(all_, index, [&](std::size_t i) {
      const Statement& one = all_[i];
      if (one.name() != "default_backend" && one.name() != "use_backend") return;
      const auto backend = backends_.find(one.value());
      if (backend != backends_.end() && std::ranges::find(found, backend->second) == found.end())
        found.push_back(backend->second);
    });
    return found;
  }

  void add_upstreams(std::size_t index, Site& site) const {
    bool is_encrypted = false;
    bool is_verified = is_verified_;
    const auto learn = [](const Statement& one, bool& encrypted, bool& verified) {
      if (one.has("ssl")) encrypted = true;
      if (one.has("no-ssl")) encrypted = false;
      if (const std::string_view how = one.after("verify"); !how.empty()) verified = how != "none";
    };
    for_each_in(all_, index, [&](std::size_t i) {
      const Statement& one = all_[i];
      if (one.name() == "default-server") {
        learn(one, is_encrypted, is_verified);
        add_files(one, kServerFiles, site);
      }
      const bool is_template = one.name() == "server-template";
      const std::size_t address = is_template ? 3 : 2;
      if ((one.name() != "server" && !is_template) || one.words.size() <= address) return;
      bool encrypted = is_encrypted;
      bool verified = is_verified;
      learn(one, encrypted, verified);
      if (encrypted) add_files(one, kServerFiles, site);
      std::string_view peer = one.words[address];
      for (const std::string_view family : {"ipv4@", "ipv6@"})
        if (peer.starts_with(family)) peer.remove_prefix(family.size());
      if ((encrypted && verified) || stays_here(peer)) return;
      site.upstreams.push_back(
          {base::printable(peer), encrypted ? Weakness::unverified : Weakness::plain_text, one.where});
    });
  }

  const std::vector<Statement>& all_;
  const HostFiles* host_;
  std::string directory_;
  std::vector<ConfigTrouble>& troubles_;
  std::string certificates_ = directory_, authorities_ = directory_;
  bool is_verified_ = true;
  std::map<std::string, std::size_t, std::less<>> backends_;
  std::vector<Site> sites_;
};

}  // namespace

ReadConfig read_haproxy(const HostFiles* host, std::string_view config) {
  const std::string directory = host == nullptr ? "/" : base::split_path(std::string(config)).first;
  Statements statements(host, parse_haproxy);
  if (host == nullptr)
    statements.read_text(config);
  else
    statements.read_file(std::string(config));
  std::vector<Site> sites = HaproxySites(statements.all, host, directory, statements.troubles).run();
  return {std::move(sites), std::move(statements.files), std::move(statements.troubles)};
}

}  // namespace everseal::discover
