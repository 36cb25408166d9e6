#include "base/text.h"
#include "discover/servers/address.h"
#include "discover/servers/readers.h"
#include "discover/servers/settings.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>

namespace everseal::discover {
namespace {

// Words up to ';', '{' or '}'; quotes and comments hide them.
class NginxParser {
 public:
  NginxParser(std::string_view text, std::string_view directory, Statements& to)
      : text_(text), directory_(directory), to_(to) {}

  void run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++at_;
      } else if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ';' || c == '{' || c == '}') {
        ++at_;
        end(c);
      } else {
        if (words_.empty()) first_ = line_;
        words_.push_back(word());
      }
    }
  }

 private:
  std::string word() {
    const char quote = text_[at_] == '"' || text_[at_] == '\'' ? text_[at_] : '\0';
    if (quote != 0) ++at_;
    std::string word;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quote != 0 && c == quote) {
        ++at_;
        return word;
      }
      const bool ends =
          c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '}' || (c == '{' && !word.ends_with('$'));
      if (quote == 0 && ends) return word;
      if (c == '\n') ++line_;
      if (c == '{' && quote == 0) {  // ${name}
        const std::size_t close = text_.find_first_of("};\n", at_);
        const bool is_closed = close != std::string_view::npos && text_[close] == '}';
        const std::size_t last = is_closed ? close : at_;
        word += text_.substr(at_, last - at_ + 1);
        at_ = last;
        continue;
      }
      if (c == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next == quote || next == ' ' || next == '\\' || next == '"' || next == '\'') ++at_;
      }
      if (text_[at_] == '\n' && c == '\\') ++line_;
      word += text_[at_];
    }
    return word;
  }

  void end(char c) {
    std::vector<std::string> words = std::exchange(words_, {});
    if (c == '}') return to_.close(line_);
    if (words.empty()) first_ = line_;
    if (c == '{') {
      const bool is_code = !words.empty() && words.front().ends_with("_by_lua_block");
      if (is_code) return skip_block();
      return to_.open(std::move(words), first_);
    }
    if (words.size() == 2 && words.front() == "include")
      return to_.include(path_below(directory_, words[1]), first_, Statements::Absent::is_trouble);
    to_.add(std::move(words), first_);
  }

  // Another language, in whose strings and comments a brace is none.
  void skip_block() {
    char quote = '\0';
    for (int depth = 1; at_ < text_.size() && depth > 0; ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (quote != 0) {
        if (c == '\\')
          ++at_;
        else if (c == quote || c == '\n')
          quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (text_.substr(at_).starts_with("--")) {
        at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
      } else if (c == '{') {
        ++depth;
      } else if (c == '}') {
        --depth;
      }
    }
    at_ = std::min(at_, text_.size());
  }

  std::string_view text_, directory_;
  Statements& to_;
  std::size_t at_ = 0;
  int line_ = 1;
  int first_ = 1;
  std::vector<std::string> words_;
};

// What inner blocks inherit where they do not say it themselves.
struct NginxScope {
  std::map<std::string, std::vector<Setting>, std::less<>> settings;
  bool is_stream = false;

  std::string_view first(std::string_view name) const {
    const auto at = settings.find(name);
    return at == settings.end() ? std::string_view() : std::string_view(at->second.front().value);
  }
};

constexpr std::pair<std::string_view, Role> kNginxFiles[] = {
    {"ssl_certificate", Role::certificate},
    {"ssl_certificate_key", Role::key},
    {"ssl_client_certificate", Role::client_authorities},
    {"proxy_ssl_certificate", Role::upstream_certificate},
    {"proxy_ssl_certificate_key", Role::upstream_key},
    {"proxy_ssl_trusted_certificate", Role::upstream_authorities},
    {"grpc_ssl_certificate", Role::upstream_certificate},
    {"grpc_ssl_certificate_key", Role::upstream_key},
    {"grpc_ssl_trusted_certificate", Role::upstream_authorities}};
constexpr std::string_view kSwitches[] = {"ssl", "proxy_ssl", "proxy_ssl_verify", "grpc_ssl_verify"};

bool is_inherited(std::string_view name) {
  return std::ranges::find(kNginxFiles, name, &std::pair<std::string_view, Role>::first) != std::end(kNginxFiles) ||
         std::ranges::find(kSwitches, name) != std::end(kSwitches);
}

class NginxSites {
 public:
  NginxSites(const std::vector<Statement>& all, std::string_view directory) : all_(all), directory_(directory) {}

  std::vector<Site> run() {
    for (std::size_t i = 0; i < all_.size(); ++i)
      if (all_[i].is_block && all_[i].name() == "upstream")
        for_each_in(all_, i, [&](std::size_t one) {
          if (all_[one].name() == "server") upstreams_[std::string(all_[i].value())].emplace_back(all_[one].value());
        });
    visit(kTop, NginxScope(), nullptr);
    return std::move(sites_);
  }

 private:
  NginxScope entered(std::size_t index, NginxScope scope) const {
    std::map<std::string, std::vector<Setting>, std::less<>> own;
    for_each_in(all_, index, [&](std::size_t i) {
      const Statement& one = all_[i];
      if (!one.is_block && one.words.size() >= 2 && is_inherited(one.name()))
        own[one.name()].push_back({one.words[1], one.where});
    });
    for (auto& [name, values] : own) scope.settings[name] = std::move(values);
    if (index != kTop && all_[index].name() == "stream") scope.is_stream = true;
    return scope;
  }

  void visit(std::size_t index, const NginxScope& outer, Site* site) {
    const NginxScope scope = entered(index, outer);
    for_each_in(all_, index, [&](std::size_t i) {
      const Statement& one = all_[i];
      if (!one.is_block) {
        if (site != nullptr) look_at_pass(one, scope, *site);
      } else if (one.name() == "server" && one.words.size() == 1 && site == nullptr) {
        add_site(i, scope);
      } else if (one.name() != "upstream") {
        visit(i, scope, site);
      }
    });
    if (site == nullptr || index == kTop) return;
    // What is said within the server, wherever it stands: of a location, its upstream's files.
    for (const auto& [name, role] : kNginxFiles)
      if (const auto at = scope.settings.find(name); at != scope.settings.end())
        for (const Setting& setting : at->second) add(*site, role, setting);
  }

  static bool is_said_in(const NginxScope& scope, const NamedFile& file) {
    return std::ranges::any_of(scope.settings, [&](const auto& entry) {
      return std::ranges::any_of(entry.second, [&](const Setting& one) {
        return one.where.file == file.where.file && one.where.line == file.where.line;
      });
    });
  }

  void add(Site& site, Role role, const Setting& setting) const {
    const std::string_view value = setting.value;
    for (const std::string_view other : {"data:", "engine:", "store:"})
      if (value.starts_with(other)) return;
    Site alone;
    add_file(alone, role, directory_, value, setting.where);
    const auto is_it = [&](const NamedFile& one) { return one.role == role && one.path == alone.files.front().path; };
    if (!alone.files.empty() && std::ranges::none_of(site.files, is_it)) site.files.push_back(alone.files.front());
  }

  void add_site(std::size_t index, const NginxScope& outer) {
    Site site;
    site.where = all_[index].where;
    site.last_line = all_[index].last_line;
    const bool is_all_tls = entered(index, outer).first("ssl") == "on";
    for_each_in(all_, index, [&](std::size_t i) {
      const Statement& one = all_[i];
      if (one.name() == "listen") add_listener(one, is_all_tls, site);
      if (one.name() == "server_name") add_names(one, site);
    });
    site.speaks_tls = !site.listeners.empty();
    visit(index, outer, &site);
    if (!site.speaks_tls) {
      site.upstreams.clear();
      std::erase_if(site.files, [&](const NamedFile& one) { return is_said_in(outer, one); });
    }
    sites_.push_back(std::move(site));
  }

  static void add_listener(const Statement& listen, bool is_all_tls, Site& site) {
    const auto address = reached_at(listen.value());
    if (!address || listen.has("quic") || listen.has("udp")) return;
    if (listen.has("ssl") || is_all_tls || address->ends_with(":443"))
      site.listeners.push_back({*address, "", listen.where});
  }

  static void add_names(const Statement& server_name, Site& site) {
    for (const std::string& written : std::span(server_name.words).subspan(1)) {
      const std::string name = base::lower(written);
      if (name.find_first_of("~$_") == 0 || name.empty() || name.find('$') != std::string::npos) continue;
      if (name.starts_with('.')) {
        site.names.push_back(name.substr(1));
        site.names.push_back("*" + name);
      } else {
        site.names.push_back(name);
      }
    }
  }

  // A name of an upstream block stands for the servers in it.
  bool is_local(std::string_view peer) const {
    const std::string host(authority_of(peer));
    const auto named = upstreams_.find(host);
    if (named == upstreams_.end()) return stays_here(peer);
    return std::ranges::all_of(named->second, [](const std::string& one) { return stays_here(one); });
  }

  void look_at_pass(const Statement& one, const NginxScope& scope, Site& site) const {
    const bool is_grpc = one.name() == "grpc_pass";
    if ((one.name() != "proxy_pass" && !is_grpc) || one.words.size() < 2 || is_local(one.words[1])) return;
    const std::string scheme = scheme_of(one.words[1]);
    const bool is_encrypted =
        scope.is_stream ? scope.first("proxy_ssl") == "on" : scheme == "https" || scheme == "grpcs";
    const bool is_verified = scope.first(is_grpc ? "grpc_ssl_verify" : "proxy_ssl_verify") == "on";
    if (is_encrypted && is_verified) return;
    site.upstreams.push_back(
        {base::printable(one.words[1]), is_encrypted ? Weakness::unverified : Weakness::plain_text, one.where});
  }

  const std::vector<Statement>& all_;
  std::string_view directory_;
  std::map<std::string, std::vector<std::string>, std::less<>> upstreams_;
  std::vector<Site> sites_;
};

}  // namespace

ReadConfig read_nginx(const HostFiles* host, std::string_view config) {
  const std::string directory = host == nullptr ? "/" : base::split_path(std::string(config)).first;
  Statements statements(host, [&](std::string_view text, Statements& to) { NginxParser(text, directory, to).run(); });
  if (host == nullptr)
    statements.read_text(config);
  else
    statements.read_file(std::string(config));
  return {NginxSites(statements.all, directory).run(), std::move(statements.files), std::move(statements.troubles)};
}

}  // namespace everseal::discover
