#include "discover/server.h"

#include "discover/servers/readers.h"

#include <array>
#include <utility>

namespace everseal::discover {
namespace {

struct ServerReader {
  ServerKind kind;
  std::string_view name;
  ReadConfig (*read)(const HostFiles* host, std::string_view config);
  std::array<std::string_view, 4> configs;  // main files, where packages put them; patterns
};

constexpr std::array<ServerReader, 6> kReaders{{
    {ServerKind::nginx,
     "nginx",
     read_nginx,
     {"/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf", "/etc/openresty/nginx.conf", ""}},
    {ServerKind::apache, "apache", read_apache, {"/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf", "", ""}},
    {ServerKind::haproxy, "haproxy", read_haproxy, {"/etc/haproxy/haproxy.cfg", "", "", ""}},
    {ServerKind::postfix, "postfix", read_postfix, {"/etc/postfix/main.cf", "/etc/postfix-*/main.cf", "", ""}},
    {ServerKind::dovecot, "dovecot", read_dovecot, {"/etc/dovecot/dovecot.conf", "", "", ""}},
    {ServerKind::postgresql,
     "postgresql",
     read_postgresql,
     {"/etc/postgresql/*/*/postgresql.conf", "/var/lib/pgsql/data/postgresql.conf",
      "/var/lib/pgsql/*/data/postgresql.conf", "/var/lib/postgresql/data/postgresql.conf"}},
}};

const ServerReader& reader_of(ServerKind kind) { return kReaders[static_cast<std::size_t>(kind)]; }

}  // namespace

std::string_view to_string(ServerKind kind) noexcept { return reader_of(kind).name; }

std::optional<ServerKind> parse_server_kind(std::string_view text) noexcept {
  for (const ServerReader& reader : kReaders)
    if (reader.name == text) return reader.kind;
  return std::nullopt;
}

std::string_view unit_of(ServerKind kind, std::string_view config) noexcept {
  if (kind != ServerKind::apache) return to_string(kind);
  return config.find("/etc/httpd/") == std::string_view::npos ? "apache2" : "httpd";
}

bool is_usual_place(ServerKind kind, std::string_view config) noexcept {
  return reader_of(kind).configs.front() == config;
}

std::vector<std::string> server_kinds() {
  std::vector<std::string> kinds;
  for (const ServerReader& reader : kReaders) kinds.emplace_back(reader.name);
  return kinds;
}

std::string_view to_string(Role role) noexcept {
  switch (role) {
    case Role::certificate:
      return "certificate";
    case Role::key:
      return "key";
    case Role::chain:
      return "chain";
    case Role::both:
      return "both";
    case Role::client_authorities:
      return "client_authorities";
    case Role::upstream_certificate:
      return "upstream_certificate";
    case Role::upstream_key:
      return "upstream_key";
    case Role::upstream_authorities:
      return "upstream_authorities";
  }
  return "";
}

std::vector<Site> sites_in(ServerKind kind, std::string_view text) { return reader_of(kind).read(nullptr, text).sites; }

void add_file(Site& site, Role role, std::string_view directory, std::string_view path, const Where& where) {
  std::string whole = path_below(directory, path);
  if (!whole.empty()) site.files.push_back({std::move(whole), role, where});
}

Server read_server(const HostFiles& host, ServerKind kind, const std::string& config) {
  ReadConfig read = reader_of(kind).read(&host, config);
  std::erase_if(read.sites, [](const Site& site) { return !site.speaks_tls && site.files.empty(); });
  return {kind, config, std::move(read.sites), std::move(read.files), std::move(read.troubles)};
}

std::vector<Server> find_servers(const HostFiles& host) {
  std::vector<Server> servers;
  for (const ServerReader& reader : kReaders)
    for (const std::string_view pattern : reader.configs)
      for (const std::string& config : host.matching(std::string(pattern)))
        if (host.has_file(config)) servers.push_back(read_server(host, reader.kind, config));
  return servers;
}

}  // namespace everseal::discover
