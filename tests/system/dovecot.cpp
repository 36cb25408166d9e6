#include "base/text.h"
#include "system/starttls_server.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {
namespace {

constexpr const char* kTlsSettings = "/etc/dovecot/conf.d/10-ssl.conf";

// What Debian's package says of TLS, with the certificate in `directory` in place of the one it names.
std::string tls_settings(const std::string& directory) {
  std::string settings;
  for (const std::string& line : base::split(read_text(kTlsSettings), '\n'))
    if (!line.starts_with("ssl_cert =") && !line.starts_with("ssl_key =")) settings += line + '\n';
  return settings + fmt::format("ssl_cert = <{}/fullchain.pem\nssl_key = <{}/privkey.pem\n", directory, directory);
}

std::string service(const std::string& name, const std::string& listeners) {
  return fmt::format("service {} {{\n{}}}\n", name, listeners);
}

std::string listener(const std::string& name, int port, const std::string& more = {}) {
  return fmt::format("  inet_listener {} {{\n    port = {}\n{}  }}\n", name, port, more);
}

}  // namespace

StarttlsServer start_dovecot(const Site& site, const std::string& directory) {
  const std::string home = site / fmt::format("dovecot-{}", free_port());
  std::filesystem::create_directories(home);
  const std::vector<Listener> listeners{{"imap"}, {"pop3"}, {"lmtp"}, {"sieve"}, {"none"}};
  const auto port = [&](std::size_t i) { return listeners[i].port; };
  write_text(home + "/config",
             fmt::format(R"(base_dir = {0}/run
state_dir = {0}
log_path = {0}/log
listen = 127.0.0.1
protocols = imap pop3 lmtp sieve
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home=/nonexistent
}}
)",
                         home) +
                 tls_settings(directory) +
                 service("imap-login", listener("imap", port(0)) + listener("imaps", port(4), "    ssl = yes\n")) +
                 service("pop3-login", listener("pop3", port(1)) + listener("pop3s", 0)) +
                 service("lmtp", listener("lmtp", port(2), "    address = 127.0.0.1\n")) +
                 service("managesieve-login", listener("sieve", port(3))));
  return {{"dovecot", "-F", "-c", home + "/config"}, listeners};
}

}  // namespace everseal::system
