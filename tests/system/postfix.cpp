#include "base/text.h"
#include "system/starttls_server.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {
namespace {

const std::string kOfThePackage = "/usr/share/postfix/";

// What a fresh installation of Debian's package writes, but for places and the certificate.
std::string main_settings(const std::string& home, const std::string& directory) {
  std::string settings;
  for (const char* const file : {"main.cf.debian", "main.cf.tls"})
    for (const std::string& line : base::split(read_text(kOfThePackage + file), '\n'))
      if (!line.starts_with('#') && !line.starts_with("smtpd_tls_cert_file") && !line.starts_with("smtpd_tls_key_file"))
        settings += line + '\n';
  return settings + fmt::format(R"(queue_directory = {0}/queue
data_directory = {0}/data
maillog_file = {0}/log
maillog_file_prefixes = {0}
inet_interfaces = 127.0.0.1
myhostname = localhost
alias_maps =
alias_database =
smtpd_tls_cert_file = {1}/fullchain.pem
smtpd_tls_key_file = {1}/privkey.pem
)",
                                home, directory);
}

// The package's services, without its chroots, which another script fills.
std::string services(const std::vector<Listener>& listeners) {
  std::string text;
  for (const std::string& line : base::split(read_text(kOfThePackage + "master.cf.dist"), '\n')) {
    if (line.starts_with("smtp ") && line.find(" inet ") != std::string::npos)
      text += fmt::format(
          "127.0.0.1:{} inet n - n - - smtpd\n127.0.0.1:{} inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n",
          listeners[0].port, listeners[1].port);
    else if (const auto chroot = line.find(" y "); !line.starts_with('#') && chroot != std::string::npos)
      text += line.substr(0, chroot) + " n " + line.substr(chroot + 3) + '\n';
    else
      text += line + '\n';
  }
  return text;
}

}  // namespace

StarttlsServer start_postfix(const Site& site, const std::string& directory) {
  const std::string home = site / fmt::format("postfix-{}", free_port());
  for (const char* const part : {"", "/config", "/queue", "/data"}) std::filesystem::create_directories(home + part);
  run_or_fail({"chown", "postfix", home + "/data"});
  const std::vector<Listener> listeners{{"smtp"}, {"none"}};
  write_text(home + "/config/main.cf", main_settings(home, directory));
  write_text(home + "/config/master.cf", services(listeners));
  run_or_fail({"postfix", "-c", home + "/config", "check"});
  // Its own start puts it into a session of its own, where nobody would end it with the test.
  const std::string programs(base::trim(run_or_fail({"postconf", "-c", home + "/config", "-h", "daemon_directory"})));
  return {{programs + "/master", "-c", home + "/config", "-d"}, listeners};
}

}  // namespace everseal::system
