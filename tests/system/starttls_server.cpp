#include "system/starttls_server.h"

#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace everseal::system {
namespace {

namespace fs = std::filesystem;

// A directory for all that a server has, emptied; its name is in `what`.
std::string home_of(const Site& site, const std::string& what) {
  const std::string home = site / fmt::format("{}-{}", what, free_port());
  fs::create_directories(home);
  return home;
}

std::string config_of(const std::string& home, const std::string& text) {
  write_text(home + "/config", text);
  return home + "/config";
}

}  // namespace

StarttlsServer start_openldap(const Site& site, const std::string& directory) {
  const std::string home = home_of(site, "slapd");
  const std::string config = config_of(
      home,
      fmt::format("TLSCertificateFile {0}/fullchain.pem\nTLSCertificateKeyFile {0}/privkey.pem\npidfile {1}/pid\n",
                  directory, home));
  const std::vector<Listener> listeners{{"ldap"}, {"none"}};
  return {{"slapd", "-f", config, "-d", "0", "-h",
           fmt::format("ldap://127.0.0.1:{} ldaps://127.0.0.1:{}", listeners[0].port, listeners[1].port)},
          listeners};
}

StarttlsServer start_mariadb(const Site& site, const std::string& directory) {
  const std::string home = home_of(site, "mariadb");
  const std::vector<Listener> listeners{{"mysql"}};
  // No tables of its own are needed as far as TLS.
  Words argv{"mariadbd",
             "--no-defaults",
             "--datadir=" + home,
             "--socket=" + home + "/socket",
             "--pid-file=" + home + "/pid",
             "--skip-grant-tables",
             "--skip-innodb",
             "--default-storage-engine=Aria",
             "--bind-address=127.0.0.1",
             fmt::format("--port={}", listeners[0].port),
             "--ssl-cert=" + directory + "/fullchain.pem",
             "--ssl-key=" + directory + "/privkey.pem"};
  if (::geteuid() == 0) argv.emplace_back("--user=root");
  return {std::move(argv), listeners};
}

StarttlsServer start_vsftpd(const Site& site, const std::string& directory, ServerTls tls) {
  const std::vector<Listener> listeners{{"ftp"}};
  const std::string config =
      config_of(home_of(site, "vsftpd"),
                fmt::format(R"(listen=YES
listen_address=127.0.0.1
listen_port={}
background=NO
run_as_launching_user=YES
xferlog_enable=NO
ssl_enable={}
rsa_cert_file={}/fullchain.pem
rsa_private_key_file={}/privkey.pem
)",
                            listeners[0].port, tls == ServerTls::on ? "YES" : "NO", directory, directory));
  return {{"vsftpd", config}, listeners};
}

StarttlsServer start_prosody(const Site& site, const std::string& directory) {
  const std::string home = home_of(site, "prosody");
  const std::vector<Listener> listeners{{"xmpp"}, {"xmpp-server"}};
  const std::string config = home + "/prosody.cfg.lua";  // it goes by the end of the name
  write_text(config, fmt::format(R"(pidfile = "{0}/pid"
data_path = "{0}"
log = {{ warn = "{0}/log" }}
run_as_root = true
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {1} }}
s2s_ports = {{ {2} }}
modules_enabled = {{ "tls" }}
modules_disabled = {{ "posix" }}
ssl = {{ certificate = "{3}/fullchain.pem"; key = "{3}/privkey.pem" }}
VirtualHost "zoo.example.org"
)",
                                 home, listeners[0].port, listeners[1].port, directory));
  return {{"prosody", "--config", config, "-F"}, listeners};
}

}  // namespace everseal::system
