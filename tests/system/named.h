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
  bool is_signed = false;            // by DNSSEC, with a key of its own
};

class Named {
 public:
  // Zones by name; each has the name server "ns", which is this. Answers when this returns.
  Named(const Site& site, const std::map<std::string, NamedZone>& zones);

  int port() const noexcept { return port_; }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  // The TSIG key that may change zones.
  const std::string& key_file() const noexcept { return key_file_; }
  // The key of a signed zone, as its DNSKEY record has it: "257 3 13 ...".
  std::string anchor(const std::string& zone) const;
  // TXT values at `name`, as dig shows them: in quotes, one a line.
  std::string txt(const std::string& name) const;
  // Changes records as somebody else would: lines for nsupdate.
  void update(const std::string& lines) const;

 private:
  int port_;
  std::string key_file_;
  std::string ask(const std::string& name, const std::string& type) const;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
