#include "system/postgres.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {

namespace fs = std::filesystem;

std::string postgres_program(const std::string& name) {
  std::string newest;  // /usr/lib/postgresql/VERSION/bin, which is in nobody's PATH
  int version = 0;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none))
    if (const int number = std::atoi(entry.path().filename().c_str()); number > version) {
      version = number;
      newest = entry.path().string() + "/bin/";
    }
  return newest.empty() ? "/usr/lib/postgresql/bin/" + name : newest + name;
}

Postgres::Postgres(const Site& site, const std::string& directory) : data_(site / "postgres/data"), port_(free_port()) {
  fs::create_directories(site / "postgres");
  run_or_fail({"chown", "postgres:postgres", site / "postgres"});
  run_or_fail({postgres_program("initdb"), "--pgdata", data_, "--auth", "trust", "--no-sync", "--locale", "C",
               "--encoding", "UTF8"},
              {.user = "postgres"});
  tls_ = site.server_directory("postgres/tls");
  if (!directory.empty())
    for (const char* const file : {"/fullchain.pem", "/privkey.pem"})
      write_text(tls_ + file, read_text(directory + file), 0600);
  run_or_fail({"chown", "-R", "postgres:postgres", tls_});
  write_text(data_ + "/postgresql.conf", fmt::format(R"(listen_addresses = '127.0.0.1'
port = {}
unix_socket_directories = '{}'
fsync = off
ssl = on
ssl_cert_file = '{}/fullchain.pem'
ssl_key_file = '{}/privkey.pem'
ssl_ca_file = '{}/ca.pem'
)",
                                                     port_, data_, tls_, tls_, tls_));
  write_text(data_ + "/pg_hba.conf",
             "local all postgres trust\nhostssl all all 127.0.0.1/32 cert clientcert=verify-full\n");
  write_text(tls_ + "/ca.pem", read_text(site.root_file()));
  daemon_ =
      std::make_unique<Daemon>(Words{postgres_program("postgres"), "-D", data_}, base::Command{.user = "postgres"});
  daemon_->wait_for_port(port_);
  wait_until("PostgreSQL answers", [&] { return query("postgres", "select 1").success(); });
}

Postgres::~Postgres() {
  // With connections open, the SIGTERM of Daemon alone would wait for them.
  run({postgres_program("pg_ctl"), "stop", "-D", data_, "-m", "fast", "-s"}, {.user = "postgres"});
}

base::Exit Postgres::query(const std::string& user, const std::string& statement) const {
  return run({"psql", "-X", "-A", "-t", "-h", data_, "-p", std::to_string(port_), "-U", user, "-d", "postgres", "-c",
              statement},
             {.user = "postgres"});
}

base::Exit Postgres::log_in(const std::string& user, const std::string& root_file, const std::string& live) const {
  std::string where = fmt::format(
      "host=localhost hostaddr=127.0.0.1 port={} user={} dbname=postgres sslmode=verify-full sslrootcert={}", port_,
      user, root_file);
  where +=
      live.empty() ? " sslcert=/nonexistent" : fmt::format(" sslcert={0}/fullchain.pem sslkey={0}/privkey.pem", live);
  return run({"psql", "-X", "-A", "-t", "-d", where, "-c", "select current_user"});
}

}  // namespace everseal::system
