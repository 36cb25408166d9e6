// Web servers in front of others: the same sites in the words of each server's config, which `--from` reads.
#pragma once

#include "system/daemon.h"
#include "system/site.h"

#include <memory>
#include <string>
#include <vector>

namespace everseal::system {

struct EdgeSite {
  std::string directory;      // its fullchain.pem and privkey.pem, or combined.pem, as the kind likes it
  std::string upstream = {};  // http://HOST:PORT or https://HOST:PORT, which nobody verifies; "": it answers itself
  std::string shown =
      {};  // a directory as the first, whose certificate nginx or HAProxy shows to the upstream; "": none
};

class Edge {
 public:
  // `kind`: nginx, apache or haproxy. All sites are called `name`, each has a port of its own.
  Edge(const Site& site, const std::string& kind, const std::string& name, const std::vector<EdgeSite>& sites);

  const std::string& config() const noexcept { return config_; }
  int port(std::size_t site) const { return ports_.at(site); }
  // The file that the kind reads the certificate from.
  std::string certificate_file(const EdgeSite& site) const;
  std::string shown_file(const EdgeSite& site) const;

 private:
  std::string kind_, config_;
  std::vector<int> ports_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
