#include "system/postgres.h"

#include "system/server.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

using namespace everseal;
using namespace everseal::system;

TEST_CASE("PostgreSQL serves our certificate, and logs a user in by another") {
  const Site site;
  const Postgres postgres(site);
  const std::string before = served_serial(postgres.port(), "postgres");
  const std::string deployment =
      fmt::format(R"(
[certificate.db.deploy.postgres]
type = "files"
directory = "{}"
owner = "postgres:postgres"
mode = "0600"
reload = ["{}", "reload", "-D", "{}", "-s"]
user = "postgres"
verify = [{{ connect = "127.0.0.1:{}", starttls = "postgres" }}]
)",
                  postgres.directory(), postgres_program("pg_ctl"), postgres.data(), postgres.port());
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
