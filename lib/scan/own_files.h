// What lies in the files that the servers of this host read, so that it is compared with what they serve.
#pragma once

#include "audit/compare.h"
#include "audit/sight.h"
#include "discover/found.h"
#include "scan/own_servers.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace everseal::scan {

class OwnFiles {
 public:
  // Without servers nobody was asked who reads what. It outlives this.
  explicit OwnFiles(const OwnServers& servers);

  void add(const discover::File& file);
  // Of a leaf in a file: whether a server is to use it with another's key, and whether any reads the file or shows it
  // to its upstreams. Absent where that is not known.
  audit::Stored beside(const std::string& path, const pki::Certificate& leaf) const;
  // What a listener that is meant to serve one of these is to serve in the place of `served`; nullopt where that is one
  // of them, or none of them can be told.
  std::optional<audit::Expected> expected(const Meant& meant, const pki::Certificate& served) const;
  // Is it a key's alone, which this user may not read?
  bool is_closed_key(const discover::File& file) const;

 private:
  struct Leaf {
    std::string path;
    pki::Certificate certificate;
    base::Time modified;
  };

  const OwnServers& servers_;
  std::map<std::string, std::vector<Leaf>> leaves_;                      // by canonical path
  std::map<std::string, std::optional<std::vector<pki::Sha256>>> keys_;  // pins; nullopt: not all could be read
  std::map<std::string, std::vector<const KeyPairing*>> pairings_;       // by a certificate's canonical path
  std::set<std::string> read_, shown_, keys_only_;                       // canonical paths
};

// With links followed, as far as there is something.
std::string canonical_path(const std::string& path);

}  // namespace everseal::scan
