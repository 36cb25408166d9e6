// What the servers of this host are meant to do, as their configs say: listeners to look at, files that they read, and
// what belongs together.
#pragma once

#include "discover/server.h"
#include "scan/targets.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace everseal::scan {

// At one listener, asked for one name.
struct Meant {
  std::vector<std::string> files;  // certificates, or directories of them: it is to serve one of these
  std::vector<discover::WeakUpstream> upstreams;
};

// Certificates and the keys that one server is to use with them.
struct KeyPairing {
  std::vector<std::string> certificates, keys;
};

struct OwnServers {
  std::vector<Wanted> endpoints;
  std::map<std::string, Meant> meant;        // by Wanted::name
  std::vector<KeyPairing> pairings;          // of those whose keys lie in files of their own
  std::map<std::string, std::string> files;  // that they read, each with whose it is: "nginx"
  std::set<std::string> shown;               // of those, the certificates that are shown to upstreams
  std::vector<std::string> remarks;          // what of their configs could not be read; printable

  bool empty() const noexcept { return endpoints.empty() && files.empty(); }
};

// `defaults`' source is each server's own name.
OwnServers own_servers(const std::vector<discover::Server>& servers, const Defaults& defaults);

}  // namespace everseal::scan
