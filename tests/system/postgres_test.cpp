#include "system/server.h"
#include "system/site.h"

#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

// The newest PostgreSQL of /usr/lib/postgresql/VERSION/bin, which is in nobody's PATH.
std::string program(const std::string& name) {
  std::string newest;
  int version = 0;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none))
    if (const int number = std::atoi(entry.path().filename().c_str()); number > version) {
      version = number;
      newest = entry.path().string() + "/bin/";
    }
  return newest.empty() ? "/usr/lib/postgresql/bin/" + name : newest + name;
}

// A cluster of the user postgres, as PostgreSQL refuses root.
class Postgres {
 public:
  explicit Postgres(const Site& site) : data_(site / "postgres/data"), port_(free_port()) {
    fs::create_directories(site / "postgres");
    run_or_fail({"chown", "postgres:postgres", site / "postgres"});
    run_or_fail(
        {program("initdb"), "--pgdata", data_, "--auth", "trust", "--no-sync", "--locale", "C", "--encoding", "UTF8"},
        {.user = "postgres"});
    tls_ = site.server_directory("postgres/tls", "postgres:postgres");
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
    daemon_ = std::make_unique<Daemon>(Words{program("postgres"), "-D", data_}, base::Command{.user = "postgres"});
    daemon_->wait_for_port(port_);
    wait_until("PostgreSQL answers", [&] { return query("postgres", "select 1").success(); });
  }
  ~Postgres() {
    // With connections open, the SIGTERM of Daemon alone would wait for them.
    run({program("pg_ctl"), "stop", "-D", data_, "-m", "fast", "-s"}, {.user = "postgres"});
  }
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  // Over the local socket.
  base::Exit query(const std::string& user, const std::string& statement) const {
    return run({"psql", "-X", "-A", "-t", "-h", data_, "-p", std::to_string(port_), "-U", user, "-d", "postgres", "-c",
                statement},
               {.user = "postgres"});
  }
  // Over TLS, the server's name verified; `live`: where certificate and key of the client lie.
  base::Exit log_in(const std::string& user, const std::string& root_file, const std::string& live) const {
    std::string where = fmt::format(
        "host=localhost hostaddr=127.0.0.1 port={} user={} dbname=postgres sslmode=verify-full sslrootcert={}", port_,
        user, root_file);
    where +=
        live.empty() ? " sslcert=/nonexistent" : fmt::format(" sslcert={0}/fullchain.pem sslkey={0}/privkey.pem", live);
    return run({"psql", "-X", "-A", "-t", "-d", where, "-c", "select current_user"});
  }

  int port() const noexcept { return port_; }
  const std::string& data() const noexcept { return data_; }
  const std::string& directory() const noexcept { return tls_; }

 private:
  std::string data_;
  std::string tls_;
  int port_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace

TEST_CASE("PostgreSQL serves our certificate, and logs a user in by another") {
  const Site site;
  const Postgres postgres(site);
  const std::string before = served_serial(postgres.port(), "postgres");
  const std::string deployment = fmt::format(R"(
[certificate.db.deploy.postgres]
type = "files"
directory = "{}"
owner = "postgres:postgres"
mode = "0600"
reload = ["{}", "reload", "-D", "{}", "-s"]
user = "postgres"
verify = [{{ connect = "127.0.0.1:{}", starttls = "postgres" }}]
)",
                                             postgres.directory(), program("pg_ctl"), postgres.data(), postgres.port());
  site.configure(certificate_table("db") + deployment +
                 "[certificate.app]\nissuer = [\"demo\"]\nprofile = \"client\"\nsubject = \"CN=app\"\n"
                 "identifiers = [\"app@example.org\"]\n");

  require_status(site.everseal({"renew"}), 0);
  CHECK(served_serial(postgres.port(), "postgres") != before);
  CHECK(served_serial(postgres.port(), "postgres") == site.live_serial("db"));
  CHECK(site.deployment_state("db", "postgres") == "verified");
  struct stat key {};
  REQUIRE(::stat((postgres.directory() + "/privkey.pem").c_str(), &key) == 0);
  CHECK((key.st_mode & 07777) == 0600);
  CHECK(run_or_fail({"stat", "-L", "-c", "%U:%G", postgres.directory() + "/privkey.pem"}) == "postgres:postgres\n");

  require_status(postgres.query("postgres", "create role app login; create role eve login"), 0);
  const std::string live = site.state() + "/live/app";
  const base::Exit welcome = postgres.log_in("app", site.root_file(), live);
  require_status(welcome, 0);
  CHECK(welcome.output == "app\n");
  // Another's name, or no certificate at all.
  CHECK_FALSE(postgres.log_in("eve", site.root_file(), live).success());
  CHECK_FALSE(postgres.log_in("app", site.root_file(), {}).success());

  // And again after both were renewed.
  require_status(site.everseal({"renew", "--force", "--all"}), 0);
  CHECK(served_serial(postgres.port(), "postgres") == site.live_serial("db"));
  require_status(postgres.log_in("app", site.root_file(), live), 0);
  CHECK(site.count_versions("db") == 2);
}
