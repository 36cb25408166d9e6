// The readers of each server's config. For discover only.
#pragma once

#include "discover/server.h"
#include "discover/servers/statements.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::discover {

// One file alone, as ServerKind::nginx, apache or haproxy reads it. Nothing but its text is looked at.
std::vector<Site> sites_in(ServerKind kind, std::string_view text);

struct ReadConfig {
  std::vector<Site> sites;
  std::vector<std::string> files;
  std::vector<ConfigTrouble> troubles;
};

// `host` is null where only one file's text is known; `config` is then that text, else the path of the main file.
ReadConfig read_nginx(const HostFiles* host, std::string_view config);
ReadConfig read_apache(const HostFiles* host, std::string_view config);
ReadConfig read_haproxy(const HostFiles* host, std::string_view config);
ReadConfig read_postfix(const HostFiles* host, std::string_view config);
ReadConfig read_dovecot(const HostFiles* host, std::string_view config);
ReadConfig read_postgresql(const HostFiles* host, std::string_view config);

// Adds the file where `path` is one, below `directory` where it is relative.
void add_file(Site& site, Role role, std::string_view directory, std::string_view path, const Where& where);

}  // namespace everseal::discover
