// BIND, authoritative for zones of the test's own, on loopback.
#pragma once

#include "system/server.h"
#include "system/site.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace everseal::system {

struct NamedZone {
  std::vector<std::string> records;  // lines of a zone file below SOA and NS: "www A 127.0.0.1"
  bool updated_by_key = false;       // by who has the key
};

class Named {
 public:
  // Zones by name; each has the name server "ns", which is this. Answers when this returns.
  Named(const Site& site, const std::map<std::string, NamedZone>& zones);

  int port() const noexcept { return port_; }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  // The TSIG key that may change zones.
  const std::string& key_file() const noexcept { return key_file_; }
  // TXT values at `name`, as dig shows them: in quotes, one a line.
  std::string txt(const std::string& name) const;
  // Changes records as somebody else would: lines for nsupdate.
  void update(const std::string& lines) const;

 private:
  int port_;
  std::string key_file_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
