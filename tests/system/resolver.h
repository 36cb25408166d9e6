// BIND, resolving and validating, for zones that a Named holds.
#pragma once

#include "system/named.h"
#include "system/server.h"
#include "system/site.h"

#include <map>
#include <memory>
#include <string>

namespace everseal::system {

class Resolver {
 public:
  // The key of each zone's trust anchor, as a DNSKEY record has it; "": the zone is not signed. Answers when this
  // returns.
  Resolver(const Site& site, const Named& named, const std::map<std::string, std::string>& zones);

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int port_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
