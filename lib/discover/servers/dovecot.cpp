#include "base/text.h"
#include "discover/servers/address.h"
#include "discover/servers/readers.h"
#include "discover/servers/settings.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

std::string unquoted(std::string_view value) {
  const bool is_quoted =
      value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
  return std::string(is_quoted ? value.substr(1, value.size() - 2) : value);
}

void parse_dovecot_line(std::string_view line, int number, Statements& to) {
  const std::string directory = base::split_path(to.present_file()).first;
  for (const auto& [word, absent] : {std::pair("!include_try ", Statements::Absent::is_fine),
                                     std::pair("!include ", Statements::Absent::is_trouble)})
    if (line.starts_with(word))
      return to.include(path_below(directory, base::trim(line.substr(std::string_view(word).size()))), number, absent);
  if (line == "}") return to.close(number);
  if (line.ends_with('{')) {
    std::string plain(base::trim(line.substr(0, line.size() - 1)));
    std::ranges::replace(plain, '\t', ' ');
    std::vector<std::string> words;
    for (const std::string& word : base::split(plain, ' '))
      if (!word.empty()) words.push_back(unquoted(word));
    return to.open(std::move(words), number);
  }
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return;
  to.add({std::string(base::trim(line.substr(0, equals))), unquoted(base::trim(line.substr(equals + 1)))}, number);
}

// "name = value" and "name ... {" to "}" a line; a backslash at its end goes on.
void parse_dovecot(std::string_view text, Statements& to) {
  std::string logical;
  int number = 0;
  int first = 0;
  for (const std::string& whole : base::split(text, '\n')) {
    ++number;
    std::string_view line = base::trim(whole);
    if (logical.empty()) first = number;
    if (logical.empty() && (line.empty() || line.front() == '#')) continue;
    if (const std::size_t comment = line.find(" #"); comment != std::string_view::npos && line.find('"') == line.npos)
      line = base::trim(line.substr(0, comment));
    const bool goes_on = line.ends_with('\\');
    if (goes_on) line.remove_suffix(1);
    logical += line;
    if (goes_on) continue;
    parse_dovecot_line(base::trim(logical), first, to);
    logical.clear();
  }
  if (!logical.empty()) parse_dovecot_line(base::trim(logical), first, to);
}

struct Service {
  std::string_view protocol, listener, port, starttls;
};
constexpr std::array<Service, 7> kServices{{{"imap", "imap", "143", "imap"},
                                            {"imap", "imaps", "993", ""},
                                            {"pop3", "pop3", "110", "pop3"},
                                            {"pop3", "pop3s", "995", ""},
                                            {"submission", "submission", "587", "smtp"},
                                            {"submission", "submissions", "465", ""},
                                            {"sieve", "sieve", "4190", "sieve"}}};

constexpr std::pair<std::string_view, Role> kDovecotFiles[] = {{"ssl_cert", Role::certificate},
                                                               {"ssl_server_cert_file", Role::certificate},
                                                               {"ssl_alt_cert", Role::certificate},
                                                               {"ssl_server_alt_cert_file", Role::certificate},
                                                               {"ssl_key", Role::key},
                                                               {"ssl_server_key_file", Role::key},
                                                               {"ssl_alt_key", Role::key},
                                                               {"ssl_server_alt_key_file", Role::key},
                                                               {"ssl_ca", Role::client_authorities},
                                                               {"ssl_server_ca_file", Role::client_authorities},
                                                               {"ssl_client_cert", Role::upstream_certificate},
                                                               {"ssl_client_cert_file", Role::upstream_certificate},
                                                               {"ssl_client_key", Role::upstream_key},
                                                               {"ssl_client_key_file", Role::upstream_key},
                                                               {"ssl_client_ca_file", Role::upstream_authorities}};

class DovecotSites {
 public:
  DovecotSites(const std::vector<Statement>& all, std::string directory)
      : all_(all), directory_(std::move(directory)) {}

  std::vector<Site> run() {
    top_.set_all(all_, kTop);
    const std::string ssl = base::lower(top_.value("ssl", "yes"));
    Site main = make_site(top_);
    find_listeners();
    main.listeners = listeners();
    main.speaks_tls = ssl != "no" && std::ranges::any_of(main.files, [](const NamedFile& one) {
                        return one.role == Role::certificate;
                      });
    sites_.push_back(main);
    for_each_in(all_, kTop, [&](std::size_t i) { add_named(i, main); });
    return std::move(sites_);
  }

 private:
  Site make_site(const Settings& settings) const {
    Site site;
    for (const auto& [name, role] : kDovecotFiles) {
      const Setting* const setting = settings.find(name);
      if (setting == nullptr) continue;
      // Before 2.4 a value is what it says, and "<" is what a file says.
      const bool is_named_file = name.ends_with("_file");
      std::string_view path = setting->value;
      if (path.starts_with('<'))
        path = base::trim(path.substr(1));
      else if (!is_named_file)
        continue;
      add_file(site, role, directory_, path, setting->where);
      if (site.where.file.empty()) site.where = setting->where;
    }
    return site;
  }

  // local_name and local: another certificate for a name or an address.
  void add_named(std::size_t index, const Site& main) {
    const Statement& block = all_[index];
    if (!block.is_block || (block.name() != "local_name" && block.name() != "local" && block.name() != "protocol"))
      return;
    Settings settings;
    settings.set_all(all_, index);
    Site site = make_site(settings);
    if (!site.files.empty()) {
      site.where = block.where;
      site.last_line = block.last_line;
      site.speaks_tls = main.speaks_tls || !main.listeners.empty();
      site.listeners = main.listeners;
      if (block.name() == "local_name")
        for (std::size_t i = 1; i < block.words.size(); ++i) site.names.push_back(base::lower(block.words[i]));
      sites_.push_back(std::move(site));
    }
    for_each_in(all_, index, [&](std::size_t i) { add_named(i, main); });
  }

  void find_listeners() {
    for (const Statement& one : all_)
      if (one.name() == "inet_listener" && one.is_block && one.words.size() > 1) {
        const auto index = static_cast<std::size_t>(&one - all_.data());
        own_[one.words[1]].set_all(all_, index);
        where_[one.words[1]] = one.where;
      }
  }

  std::string protocols() const {
    std::string present = "imap pop3 lmtp";
    bool is_set = false;
    for_each_in(all_, kTop, [&](std::size_t i) {
      if (all_[i].name() != "protocols" || all_[i].is_block) return;
      std::string value(all_[i].value());
      for (const std::string_view self : {"$SET:protocols", "$protocols"})
        if (const std::size_t at = value.find(self); at != std::string::npos)
          value.replace(at, self.size(), is_set ? present : "");  // Debian's own default is none
      present = value;
      is_set = true;
    });
    return " " + present + " ";
  }

  std::vector<Listener> listeners() const {
    std::vector<Listener> found;
    const std::string wanted = protocols();
    for (const Service& service : kServices) {
      if (wanted.find(fmt::format(" {} ", service.protocol)) == std::string::npos) continue;
      const auto own = own_.find(service.listener);
      const Settings none;
      const Settings& settings = own != own_.end() ? own->second : none;
      const std::string ssl = base::lower(settings.value("ssl", service.starttls.empty() ? "yes" : "no"));
      std::string address = settings.value("address");
      if (address.find_first_of(" ,*:") != std::string::npos) address.clear();
      if (auto reached = reached_at((address.empty() ? "*" : address) + ":" + settings.value("port", service.port)))
        found.push_back({std::move(*reached), ssl == "yes" ? "" : std::string(service.starttls),
                         own != own_.end() ? where_.find(service.listener)->second : Where()});
    }
    return found;
  }

  const std::vector<Statement>& all_;
  std::string directory_;
  Settings top_;
  std::map<std::string, Settings, std::less<>> own_;
  std::map<std::string, Where, std::less<>> where_;
  std::vector<Site> sites_;
};

}  // namespace

ReadConfig read_dovecot(const HostFiles* host, std::string_view config) {
  if (host == nullptr) return {};
  Statements statements(host, parse_dovecot);
  statements.read_file(std::string(config));
  const std::string directory = base::split_path(std::string(config)).first;
  return {DovecotSites(statements.all, directory).run(), std::move(statements.files), std::move(statements.troubles)};
}

}  // namespace everseal::discover
