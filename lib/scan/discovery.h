// What this host holds: servers with their configs, files with certificates.
#pragma once

#include "config/found_file.h"
#include "discover/found.h"
#include "discover/passwords.h"
#include "discover/server.h"
#include "discover/walk.h"
#include "inventory/store.h"

#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::scan {

struct DiscoveryRequest {
  std::vector<discover::Server> servers;  // whose named files are looked at
  std::vector<std::string> paths{};       // files and trees besides
  discover::Passwords passwords{};
  std::string root = "/";  // of the host whose servers they are
};

struct Discovery {
  std::vector<std::string> paths;  // that were looked through
  std::vector<discover::Server> servers;
  std::vector<discover::File> files;  // that hold a certificate or a trouble, by path
  discover::Summary walked;           // of the paths

  const discover::File* file(const std::string& path) const;
  bool is_whole() const;  // nothing of the paths and of the servers' configs was passed over
};

// Files of the paths that `store` knows and that are unchanged are not read; null: all are. Throws what it throws.
Discovery discover_host(const DiscoveryRequest& request, inventory::Store* store, base::Time now, std::stop_token stop);

// Where the files' certificates were seen goes into the inventory; trust stores do not. What an audit found there
// stays, but where the file is gone. Gives what is to be said of directories whose files went all at once.
std::vector<std::string> remember(inventory::Store& store, const Discovery& discovery, const std::string& environment,
                                  base::Time now);

// What the tables of what was found depend on.
struct FoundContext {
  std::set<std::string> watched;  // names of places that the config looks at already
  std::function<bool(const pki::Fingerprint&)> is_managed;
  std::string issuer;       // that proposals name
  std::string environment;  // that endpoints get; ""
};

// Could the table of that key, from the source, have been found? Below the paths that were looked through, and in
// configs that could be read whole.
bool was_looked_for(const Discovery& discovery, const std::string& source, const std::string& key);

// By source, in the words of conf.d: "nginx" where its package puts its config, "nginx-srv-web-nginx.conf" elsewhere,
// ..., and "files" for what no server names. An [endpoint] for each site whose listeners nobody watches yet, in force;
// a [certificate] for each certificate that a server shows and that is not managed, proposed.
std::map<std::string, std::vector<config::FoundTable>> tables_of(const Discovery& discovery,
                                                                 const FoundContext& context);

}  // namespace everseal::scan
