// Debian's servers of the protocols that begin in the clear, each with a config of its own in the site, in the
// foreground of a thread. All read fullchain.pem and privkey.pem in `directory`, and listen on loopback.
#pragma once

#include "system/daemon.h"
#include "system/site.h"

#include <memory>
#include <string>
#include <vector>

namespace everseal::system {

struct Listener {
  std::string protocol;  // before TLS, as the audit calls it; "none": TLS at once
  int port = free_port();
};

class StarttlsServer {
 public:
  StarttlsServer(Words argv, std::vector<Listener> listeners, const base::Command& how = {})
      : listeners_(std::move(listeners)), daemon_(std::make_unique<Daemon>(std::move(argv), how)) {}

  // Starting several at once takes as long as the slowest.
  void wait() const {
    for (const Listener& listener : listeners_) daemon_->wait_for_port(listener.port);
  }
  const std::vector<Listener>& listeners() const noexcept { return listeners_; }
  int port() const { return listeners_.front().port; }

 private:
  std::vector<Listener> listeners_;
  std::unique_ptr<Daemon> daemon_;
};

// Whether these may say that they know no TLS, to be told so.
enum class ServerTls { on, off };

// smtp, and smtps at once; Debian's own configuration but for the places. It takes root.
StarttlsServer start_postfix(const Site& site, const std::string& directory);
// imap, pop3, lmtp, sieve, and imaps at once; the TLS settings are those of Debian's package. It takes root.
StarttlsServer start_dovecot(const Site& site, const std::string& directory);
StarttlsServer start_openldap(const Site& site, const std::string& directory);  // ldap, and ldaps at once
StarttlsServer start_mariadb(const Site& site, const std::string& directory);
StarttlsServer start_vsftpd(const Site& site, const std::string& directory, ServerTls tls = ServerTls::on);
StarttlsServer start_prosody(const Site& site, const std::string& directory);  // xmpp, xmpp-server

}  // namespace everseal::system
