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

// Logical lines: one that begins with a blank goes on with the one before; comments and empty lines do not count.
void for_each_line(std::string_view text, const std::function<void(const std::string&, int)>& see) {
  std::string logical;
  int first = 0;
  int number = 0;
  const auto flush = [&] {
    if (!logical.empty()) see(logical, first);
    logical.clear();
  };
  for (const std::string& whole : base::split(text, '\n')) {
    ++number;
    const std::string_view line = base::trim(whole);
    if (line.empty() || line.front() == '#') continue;
    if (whole.front() != ' ' && whole.front() != '\t') {
      flush();
      first = number;
    } else if (!logical.empty()) {
      logical += ' ';
    }
    logical += line;
  }
  flush();
}

void parse_main(std::string_view text, Statements& to) {
  for_each_line(text, [&](const std::string& line, int number) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) return;
    to.add({std::string(base::trim(line.substr(0, equals))), std::string(base::trim(line.substr(equals + 1)))}, number);
  });
}

std::vector<std::string> parts_of(std::string_view text) {  // at blanks and commas
  std::string plain(text);
  std::ranges::replace_if(
      plain, [](char c) { return c == ',' || c == '\t'; }, ' ');
  std::vector<std::string> parts;
  for (std::string& part : base::split(plain, ' '))
    if (!part.empty()) parts.push_back(std::move(part));
  return parts;
}

void parse_master(std::string_view text, Statements& to) {
  for_each_line(text, [&](const std::string& line, int number) {
    std::string plain = line;
    std::ranges::replace(plain, '\t', ' ');
    std::vector<std::string> words;
    for (std::string& word : base::split(plain, ' '))
      if (!word.empty()) words.push_back(std::move(word));
    to.add(std::move(words), number);
  });
}

// $name, ${name} and $(name) of a value; what is not known is empty, as for Postfix.
std::string expanded(const Settings& settings, std::string_view value, int depth = 0) {
  constexpr int kDeepest = 8;
  constexpr std::size_t kLongest = 64 << 10;
  std::string result;
  for (std::size_t at = 0; at < value.size() && result.size() < kLongest; ++at) {
    if (value[at] != '$') {
      result += value[at];
      continue;
    }
    const char open = at + 1 < value.size() ? value[at + 1] : '\0';
    const bool is_braced = open == '{' || open == '(';
    const std::size_t begin = at + (is_braced ? 2 : 1);
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    std::size_t end = begin;
    while (end < value.size() && is_part(value[end])) ++end;
    if (depth < kDeepest) result += expanded(settings, settings.value(value.substr(begin, end - begin)), depth + 1);
    at = is_braced ? std::min(value.find(open == '{' ? '}' : ')', end), value.size()) : end - 1;
  }
  return result;
}

std::string port_of(std::string_view service) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kPorts{
      {{"smtp", "25"}, {"submission", "587"}, {"smtps", "465"}, {"submissions", "465"}, {"urd", "465"}}};
  for (const auto& [name, port] : kPorts)
    if (name == service) return std::string(port);
  return std::string(service);
}

bool is_yes(std::string_view value) { return base::lower(value) == "yes"; }

class PostfixSites {
 public:
  PostfixSites(const HostFiles* host, std::string directory, Settings main)
      : host_(host), directory_(std::move(directory)), main_(std::move(main)) {}

  std::vector<Site> run(const std::vector<Statement>& master) {
    constexpr std::size_t kFields = 8;  // service, type, private, unprivileged, chroot, wake-up, limit, command
    for (const Statement& service : master)
      if (service.words.size() >= kFields && service.words[1] == "inet" &&
          (service.words[7] == "smtpd" || service.words[7] == "postscreen"))
        add_service(service);
    add_client();
    return std::move(sites_);
  }

 private:
  void add_service(const Statement& service) {
    Settings settings = main_;
    for (std::size_t i = 8; i + 1 < service.words.size(); ++i) {
      const std::string& option = service.words[i + 1];
      const std::size_t equals = option.find('=');
      if (service.words[i] == "-o" && equals != std::string::npos)
        settings.set(option.substr(0, equals), option.substr(equals + 1), service.where);
    }
    const auto value = [&](std::string_view name) { return expanded(settings, settings.value(name)); };
    const bool is_at_once = is_yes(value("smtpd_tls_wrappermode"));
    const std::string level = base::lower(value("smtpd_tls_security_level"));
    Site site;
    site.where = service.where;
    site.last_line = service.where.line;
    site.speaks_tls = is_at_once || level == "may" || level == "encrypt" ||
                      (level.empty() && (is_yes(value("smtpd_use_tls")) || is_yes(value("smtpd_enforce_tls"))));
    if (!site.speaks_tls) return;
    if (auto address = address_of(service.name(), value("inet_interfaces")))
      site.listeners.push_back({std::move(*address), is_at_once ? "" : "smtp", service.where});
    add_files(settings, site);
    sites_.push_back(std::move(site));
  }

  static std::optional<std::string> address_of(const std::string& service, std::string_view interfaces) {
    const std::size_t colon = service.rfind(':');
    if (colon != std::string::npos)
      return reached_at(service.substr(0, colon + 1) + port_of(service.substr(colon + 1)));
    for (const std::string& one : parts_of(interfaces))
      if (one != "all" && one != "loopback-only" && one != "localhost" && one.find('$') == std::string::npos)
        return reached_at((one.find(':') != std::string::npos && !one.starts_with('[') ? "[" + one + "]" : one) + ":" +
                          port_of(service));
    return reached_at(port_of(service));
  }

  void add(const Settings& settings, std::string_view name, Role role, Site& site) const {
    const Setting* const setting = settings.find(name);
    if (setting == nullptr) return;
    for (const std::string& path : parts_of(expanded(settings, setting->value)))
      if (path != "none") add_file(site, role, directory_, path, setting->where);
  }

  void add_files(const Settings& settings, Site& site) const {
    if (!expanded(settings, settings.value("smtpd_tls_chain_files")).empty()) {
      add(settings, "smtpd_tls_chain_files", Role::both, site);
    } else {
      for (const std::string_view kind : {"", "ec", "d"}) {
        const std::string certificate = fmt::format("smtpd_tls_{}cert_file", kind);
        const std::string key = fmt::format("smtpd_tls_{}key_file", kind);
        add(settings, certificate, Role::certificate, site);
        add(settings, settings.find(key) != nullptr ? key : certificate, Role::key, site);  // its default
      }
    }
    add(settings, "smtpd_tls_CAfile", Role::client_authorities, site);
    add_names(settings, site);
  }

  // "name key, chain": the text that `postmap -F` makes the table of.
  void add_names(const Settings& settings, Site& site) const {
    for (const std::string& table : parts_of(expanded(settings, settings.value("tls_server_sni_maps")))) {
      const std::string path = path_below(directory_, std::string_view(table).substr(table.find(':') + 1));
      if (path.empty() || host_ == nullptr) continue;
      for_each_line(host_->read(path), [&](const std::string& line, int number) {
        const std::vector<std::string> parts = parts_of(line);
        if (parts.size() < 2) return;
        site.names.push_back(base::lower(parts.front().starts_with('.') ? "*" + parts.front() : parts.front()));
        for (std::size_t i = 1; i < parts.size(); ++i) add_file(site, Role::both, directory_, parts[i], {path, number});
      });
    }
  }

  // What Postfix shows to other servers.
  void add_client() {
    Site site;
    add(main_, "smtp_tls_cert_file", Role::upstream_certificate, site);
    add(main_, "smtp_tls_key_file", Role::upstream_key, site);
    add(main_, "smtp_tls_CAfile", Role::upstream_authorities, site);
    if (site.files.empty()) return;
    site.where = site.files.front().where;
    site.last_line = site.where.line;
    sites_.push_back(std::move(site));
  }

  const HostFiles* host_;
  std::string directory_;
  Settings main_;
  std::vector<Site> sites_;
};

}  // namespace

ReadConfig read_postfix(const HostFiles* host, std::string_view config) {
  if (host == nullptr) return {};
  const std::string directory = base::split_path(std::string(config)).first;
  Statements main(host, parse_main);
  main.read_file(std::string(config));
  Settings settings;
  settings.set("config_directory", directory, {});
  settings.set_all(main.all, kTop);
  Statements master(host, parse_master);
  master.read_file(directory + "/master.cf");
  std::vector<Site> sites = PostfixSites(host, directory, std::move(settings)).run(master.all);
  std::ranges::move(master.files, std::back_inserter(main.files));
  std::ranges::move(master.troubles, std::back_inserter(main.troubles));
  return {std::move(sites), std::move(main.files), std::move(main.troubles)};
}

}  // namespace everseal::discover
