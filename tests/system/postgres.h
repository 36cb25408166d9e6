// PostgreSQL with a cluster of its own, of the user postgres, as it refuses root. It demands client certificates.
#pragma once

#include "system/daemon.h"
#include "system/site.h"

#include <memory>
#include <string>

namespace everseal::system {

// The path of a program of the newest PostgreSQL that is here.
std::string postgres_program(const std::string& name);

class Postgres {
 public:
  // Serves fullchain.pem and privkey.pem of `directory`; without one, a certificate that signed itself.
  explicit Postgres(const Site& site, const std::string& directory = {});
  ~Postgres();
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  // Over the local socket.
  base::Exit query(const std::string& user, const std::string& statement) const;
  // Over TLS, the server's name verified; `live`: where certificate and key of the client lie.
  base::Exit log_in(const std::string& user, const std::string& root_file, const std::string& live) const;

  int port() const noexcept { return port_; }
  const std::string& data() const noexcept { return data_; }
  // What it reads.
  const std::string& directory() const noexcept { return tls_; }

 private:
  std::string data_;
  std::string tls_;
  int port_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
