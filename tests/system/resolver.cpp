#include "system/resolver.h"

#include <filesystem>
#include <sstream>

#include <fmt/format.h>

namespace everseal::system {

Resolver::Resolver(const Site& site, const Named& named, const std::map<std::string, std::string>& zones)
    : port_(free_port()) {
  const std::string directory = site / "resolver";
  std::filesystem::create_directory(directory);
  std::string config = fmt::format(
      "options {{ directory \"{0}\"; listen-on port {1} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n"
      "  pid-file \"{0}/pid\"; session-keyfile \"{0}/session.key\"; recursion yes; allow-recursion {{ any; }};\n"
      "  dnssec-validation yes; empty-zones-enable no; }};\ncontrols {{ }};\n",
      directory, port_);
  for (const auto& [zone, anchor] : zones) {
    config += fmt::format("zone \"{}\" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {}; }}; }};\n", zone,
                          named.port());
    if (anchor.empty()) continue;
    std::istringstream words(anchor);
    std::string flags, protocol, algorithm, key;
    words >> flags >> protocol >> algorithm;
    for (std::string part; words >> part;) key += part;
    config +=
        fmt::format("trust-anchors {{ \"{}\" static-key {} {} {} \"{}\"; }};\n", zone, flags, protocol, algorithm, key);
  }
  write_text(directory + "/named.conf", config);
  daemon_ = std::make_unique<Daemon>(Words{"named", "-g", "-n", "1", "-c", directory + "/named.conf"});
  daemon_->wait_for_port(port_);
}

}  // namespace everseal::system
