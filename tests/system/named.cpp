#include "system/named.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {

Named::Named(const Site& site, const std::map<std::string, NamedZone>& zones) : port_(free_port()) {
  const std::string directory = site / "named";
  std::filesystem::create_directory(directory);
  key_file_ = directory + "/tsig.key";
  write_text(key_file_, run_or_fail({"tsig-keygen", "-a", "hmac-sha256", "everseal"}), 0600);
  std::string config = fmt::format(
      "include \"{0}\";\noptions {{ directory \"{1}\"; listen-on port {2} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n"
      "  pid-file \"{1}/pid\"; session-keyfile \"{1}/session.key\"; recursion yes; allow-recursion {{ any; }};\n"
      "  dnssec-validation no; empty-zones-enable no; notify no; }};\ncontrols {{ }};\n",
      key_file_, directory, port_);
  for (const auto& [name, zone] : zones) {
    std::string text = "$TTL 1\n@ SOA ns root 1 60 60 60 1\n@ NS ns\nns A 127.0.0.1\n";
    for (const std::string& record : zone.records) text += record + "\n";
    write_text(directory + "/" + name, text);
    config += fmt::format("zone \"{0}\" {{ type primary; file \"{0}\"; {1}{2}}};\n", name,
                          zone.updated_by_key ? "allow-update { key everseal; }; " : "",
                          zone.is_signed ? "dnssec-policy default; inline-signing yes; " : "");
  }
  write_text(directory + "/named.conf", config);
  daemon_ = std::make_unique<Daemon>(Words{"named", "-g", "-n", "1", "-c", directory + "/named.conf"});
  daemon_->wait_for_port(port_);
}

std::string Named::ask(const std::string& name, const std::string& type) const {
  return run_or_fail({"dig", "+short", "+time=2", "+tries=2", "-p", std::to_string(port_), "@127.0.0.1", name, type});
}

std::string Named::anchor(const std::string& zone) const {
  std::string key;
  wait_until(zone + " is signed", [&] {
    key = ask(zone, "DNSKEY");
    return key.starts_with("257 ") && !ask(zone, "RRSIG").empty();
  });
  return key.substr(0, key.find('\n'));
}

std::string Named::txt(const std::string& name) const { return ask(name, "TXT"); }

void Named::update(const std::string& lines) const {
  base::Command how;
  how.input = base::to_bytes(fmt::format("server 127.0.0.1 {}\n{}\nsend\n", port_, lines));
  run_or_fail({"nsupdate", "-k", key_file_}, how);
}

}  // namespace everseal::system
