// PowerDNS, authoritative for zones of the test's own, with its HTTP API, on loopback; and another as its secondary.
#pragma once

#include "system/server.h"
#include "system/site.h"

#include <memory>
#include <string>
#include <vector>

namespace everseal::system {

class PowerDns {
 public:
  enum class Secondary { none, one };
  // Zones that have the name server "ns", which is this, and with a secondary "ns2", at 127.0.0.2 and the same port.
  // Answers when this returns.
  PowerDns(const Site& site, const std::vector<std::string>& zones, Secondary secondary = Secondary::none);

  int port() const noexcept { return port_; }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string api_url() const { return "http://127.0.0.1:" + std::to_string(api_port_); }
  // Of the API key.
  const std::string& key_file() const noexcept { return key_file_; }
  // TXT values at `name`, sorted, without quotes.
  std::vector<std::string> txt(const std::string& name) const;
  // Sets a value beside those that stand there, as somebody else would.
  void put(const std::string& zone, const std::string& name, const std::string& value) const;

 private:
  std::unique_ptr<Daemon> start(const std::string& home, const std::string& address, int api_port,
                                const std::string& more) const;
  std::string call(const std::string& method, const std::string& path, const std::string& json) const;
  std::string call(int api_port, const std::string& method, const std::string& path, const std::string& json) const;
  void start_secondary(const Site& site, const std::vector<std::string>& zones);

  int port_;
  int api_port_;
  std::string key_file_;
  std::unique_ptr<Daemon> daemon_, secondary_;
};

}  // namespace everseal::system
