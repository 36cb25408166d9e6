#include "base/text.h"
#include "discover/servers/address.h"
#include "discover/servers/readers.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

namespace everseal::discover {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

// Words apart from each other by blanks; quotes keep them together, a backslash keeps a quote.
std::vector<std::string> apache_words(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t' || line[at] == '\r') {
      ++at;
      continue;
    }
    const char quote = line[at] == '"' || line[at] == '\'' ? line[at++] : '\0';
    std::string word;
    for (; at < line.size(); ++at) {
      const char c = line[at];
      if (quote != 0 ? c == quote : c == ' ' || c == '\t' || c == '\r') break;
      if (quote != 0 && c == '\\' && at + 1 < line.size() && line[at + 1] == quote) ++at;
      word += line[at];
    }
    if (quote != 0) ++at;
    words.push_back(std::move(word));
  }
  return words;
}

// ${NAME}, where it is known.
std::string expanded(std::string_view text, const Variables& variables) {
  constexpr std::size_t kLongest = 64 << 10;
  std::string result;
  while (!text.empty() && result.size() < kLongest) {
    const std::size_t begin = text.find("${");
    const std::size_t end = begin == std::string_view::npos ? begin : text.find('}', begin);
    if (end == std::string_view::npos) break;
    const auto known = variables.find(text.substr(begin + 2, end - begin - 2));
    result += text.substr(0, begin);
    result += known != variables.end() ? std::string_view(known->second) : text.substr(begin, end - begin + 1);
    text.remove_prefix(end + 1);
  }
  return result.append(text.substr(0, kLongest));
}

// `export NAME=value` of Debian's envvars; a value that a shell would have to make is left out.
Variables variables_of(const std::string& envvars) {
  Variables variables;
  for (const std::string& whole : base::split(envvars, '\n')) {
    constexpr std::string_view kExport = "export ";
    std::string_view line = base::trim(whole);
    if (line.starts_with(kExport)) line.remove_prefix(kExport.size());
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const auto value = base::split_words(line.substr(equals + 1));
    if (!value || value->size() > 1 || line.find('`') != std::string_view::npos) continue;
    std::string text = value->empty() ? std::string() : value->front();
    for (const std::string_view suffix : {"${SUFFIX}", "$SUFFIX"})  // of a second instance
      if (const std::size_t at = text.find(suffix); at != std::string::npos) text.erase(at, suffix.size());
    if (text.find('$') == std::string::npos) variables.insert_or_assign(std::string(line.substr(0, equals)), text);
  }
  return variables;
}

// A directive a line, a backslash at its end goes on; <Section ...> to </Section>. Names are made lower-case.
class ApacheParser {
 public:
  ApacheParser(const HostFiles* host, std::string_view directory)
      : host_(host), root_(directory), is_alone_(host == nullptr) {
    if (host != nullptr) variables_ = variables_of(host->read(root_ + "/envvars"));
  }

  void parse(std::string_view text, Statements& to) {
    int number = 0;
    while (!text.empty()) {
      std::string line;
      const int first = number + 1;
      for (bool goes_on = true; goes_on && !text.empty();) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view part = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (part.ends_with('\r')) part.remove_suffix(1);
        goes_on = part.ends_with('\\');
        if (goes_on) part.remove_suffix(1);
        line += part;
      }
      parse_line(base::trim(line), first, number, to);
    }
  }

  const std::string& root() const noexcept { return root_; }
  // Where no module is loaded at all they are built in, or another file loads them.
  bool has_tls() const noexcept { return is_alone_ || has_tls_ || !loads_modules_; }

 private:
  void parse_line(std::string_view line, int first, int last, Statements& to) {
    if (line.empty() || line.front() == '#') return;
    if (line.starts_with("</")) return to.close(last);
    if (line.front() == '<') {
      line = line.substr(1, line.rfind('>') == std::string_view::npos ? line.npos : line.rfind('>') - 1);
      std::vector<std::string> words = apache_words(expanded(line, variables_));
      if (!words.empty()) words.front() = base::lower(words.front());
      return to.open(std::move(words), first);
    }
    std::vector<std::string> words = apache_words(expanded(line, variables_));
    if (words.empty()) return;
    words.front() = base::lower(words.front());
    const std::string& name = words.front();
    if (words.size() > 1) {
      if (name == "define") variables_[words[1]] = words.size() > 2 ? words[2] : "";
      if (name == "undefine") variables_.erase(words[1]);
      if (name == "serverroot" && words[1].starts_with('/')) root_ = words[1];
      loads_modules_ = loads_modules_ || name == "loadmodule";
      if (name == "loadmodule" && (words[1] == "ssl_module" || words[1] == "gnutls_module")) has_tls_ = true;
      if (name == "include" || name == "includeoptional")
        return include(words[1], first,
                       name == "include" ? Statements::Absent::is_trouble : Statements::Absent::is_fine, to, 0);
    }
    to.add(std::move(words), first);
  }

  // A directory means all files in it and below.
  void include(std::string_view pattern, int line, Statements::Absent absent, Statements& to, int depth) const {
    constexpr int kDeepest = 8;
    const std::string path = path_below(root_, pattern);
    if (host_ == nullptr || path.empty()) return;
    if (depth > kDeepest) return to.trouble(Reason::too_deep, line, path + " lies too deep to be included");
    const std::vector<std::string> all = host_->matching(path);
    if (std::ranges::none_of(all, [&](const std::string& one) { return host_->has_directory(one); }))
      return to.include(path, line, absent);
    for (const std::string& one : all)
      if (host_->has_directory(one)) {
        const auto refused = [&](const std::string& why) { to.trouble(Reason::unreadable, line, why); };
        for (const std::string& name : host_->names(one, refused))
          include(one + "/" + name, line, absent, to, depth + 1);
      } else {
        to.include(one, line, absent);
      }
  }

  const HostFiles* host_;
  std::string root_;
  bool is_alone_;
  bool has_tls_ = false;
  bool loads_modules_ = false;
  Variables variables_;
};

// What a virtual host inherits from the main server.
struct ApacheScope {
  bool is_encrypted = false;  // SSLEngine
  bool is_verified = false;   // SSLProxyVerify
};

constexpr std::pair<std::string_view, Role> kApacheFiles[] = {
    {"sslcertificatefile", Role::certificate},
    {"sslcertificatekeyfile", Role::key},
    {"sslcertificatechainfile", Role::chain},
    {"sslcacertificatefile", Role::client_authorities},
    {"sslproxycacertificatefile", Role::upstream_authorities},
    {"sslproxymachinecertificatefile", Role::upstream_certificate},
    {"gnutlscertificatefile", Role::certificate},
    {"gnutlskeyfile", Role::key},
    {"gnutlsclientcafile", Role::client_authorities}};

bool names_certificate(const Site& site) {
  return std::ranges::any_of(site.files, [](const NamedFile& one) { return one.role == Role::certificate; });
}

class ApacheSites {
 public:
  ApacheSites(const std::vector<Statement>& all, const ApacheParser& parser) : all_(all), parser_(parser) {}

  std::vector<Site> run() {
    ApacheScope scope;
    for (const bool is_known : {false, true}) {  // what virtual hosts inherit may stand behind them
      sites_.clear();
      listen_.clear();
      Site main;
      visit(kTop, scope, main);
      if (!is_known || !scope.is_encrypted || !names_certificate(main)) continue;
      main.listeners = listen_;
      main.speaks_tls = parser_.has_tls();
      sites_.push_back(std::move(main));
    }
    return std::move(sites_);
  }

 private:
  bool is_in_force(const Statement& block) const {
    if (block.name() != "ifmodule") return true;
    std::string module = base::lower(block.value());
    const bool is_negated = module.starts_with('!');
    if (is_negated) module.erase(0, 1);
    const bool is_tls = module == "ssl_module" || module == "mod_ssl.c" || module == "mod_gnutls.c";
    return !is_tls || parser_.has_tls() != is_negated;
  }

  void visit(std::size_t index, ApacheScope& scope, Site& site) {
    for_each_in(all_, index, [&](std::size_t i) {
      const Statement& one = all_[i];
      if (!one.is_block)
        look_at(one, scope, site);
      else if (one.name() == "virtualhost")
        add_host(i, scope);
      else if (is_in_force(one))
        visit(i, scope, site);
    });
  }

  void add_host(std::size_t index, ApacheScope scope) {
    const Statement& host = all_[index];
    Site site;
    site.where = host.where;
    site.last_line = host.last_line;
    for (const std::string& address : std::span(host.words).subspan(1))
      if (auto listener = reached_at(address)) site.listeners.push_back({std::move(*listener), "", host.where});
    visit(index, scope, site);
    site.speaks_tls = scope.is_encrypted && parser_.has_tls();
    std::erase_if(site.upstreams, [&](const WeakUpstream& one) {
      return !site.speaks_tls || (one.weakness == Weakness::unverified && scope.is_verified);
    });
    sites_.push_back(std::move(site));
  }

  void look_at(const Statement& one, ApacheScope& scope, Site& site) {
    const std::string value = base::lower(one.value());
    if (one.name() == "sslengine" || one.name() == "gnutlsenable")
      scope.is_encrypted = value == "on" || value == "optional";
    if (one.name() == "sslproxyverify") scope.is_verified = value == "require" || value == "optional";
    if (one.name() == "listen") {
      const bool is_https = one.words.size() > 2 && base::lower(one.words[2]) == "https";
      const auto address = reached_at(one.value());
      if (address && (is_https || address->ends_with(":443"))) listen_.push_back({*address, "", one.where});
    }
    if (one.name() == "servername" || one.name() == "serveralias") add_names(one, site);
    for (const auto& [name, role] : kApacheFiles)
      if (one.name() == name) add_file(site, role, parser_.root(), one.value(), one.where);
    for (const std::string_view name : {"proxypass", "proxypassmatch", "balancermember"})
      if (one.name() == name) look_at_pass(one, site);
  }

  static void add_names(const Statement& one, Site& site) {
    for (const std::string& written : std::span(one.words).subspan(1)) {
      const std::string whole = base::lower(authority_of(written));
      const std::string name = whole.substr(0, whole.find(':'));
      if (!name.empty() && name.find_first_of("${") == std::string::npos) site.names.push_back(name);
    }
  }

  static void look_at_pass(const Statement& one, Site& site) {
    for (const std::string& peer : std::span(one.words).subspan(1)) {
      const std::string scheme = scheme_of(peer);
      const bool is_plain = scheme == "http" || scheme == "ws" || scheme == "ajp" || scheme == "h2c";
      const bool is_encrypted = scheme == "https" || scheme == "wss" || scheme == "h2";
      if ((is_plain || is_encrypted) && !stays_here(peer))
        site.upstreams.push_back(
            {base::printable(peer), is_plain ? Weakness::plain_text : Weakness::unverified, one.where});
    }
  }

  const std::vector<Statement>& all_;
  const ApacheParser& parser_;
  std::vector<Listener> listen_;
  std::vector<Site> sites_;
};

}  // namespace

ReadConfig read_apache(const HostFiles* host, std::string_view config) {
  std::string directory = host == nullptr ? "/" : base::split_path(std::string(config)).first;
  if (directory.ends_with("/httpd/conf")) directory.resize(directory.size() - 5);
  ApacheParser parser(host, directory);
  Statements statements(host, [&](std::string_view text, Statements& to) { parser.parse(text, to); });
  if (host == nullptr)
    statements.read_text(config);
  else
    statements.read_file(std::string(config));
  return {ApacheSites(statements.all, parser).run(), std::move(statements.files), std::move(statements.troubles)};
}

}  // namespace everseal::discover
