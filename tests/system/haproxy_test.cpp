#include "system/haproxy.h"

#include "system/site.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

TEST_CASE("HAProxy gets one combined file, is reloaded, and its handshake proves it") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  HaProxy haproxy(site, directory + "/combined.pem");
  const std::string before = haproxy.served();
  const std::string reload = site.script("reload", haproxy.reload_command());
  site.configure(certificate_table("web") +
                 deploy_table({.directory = directory,
                               .reload = reload,
                               .verify = haproxy.endpoint(),
                               .more = "contents = [{ content = \"combined\", file = \"combined.pem\" }]"}));

  require_status(site.everseal({"renew"}), 0);
  CHECK(haproxy.served() != before);
  CHECK(haproxy.served() == site.live_serial("web"));
  CHECK(site.deployment_state("web", "server") == "verified");

  const std::string first = haproxy.served();
  require_status(site.everseal({"renew", "web", "--force"}), 0);
  CHECK(haproxy.served() != first);
  CHECK(haproxy.served() == site.live_serial("web"));
  CHECK(run_or_fail({"curl", "--silent", "--show-error", "--cacert", site.root_file(),
                     fmt::format("https://localhost:{}/", haproxy.port())}) == "hello");
}

TEST_CASE("contents may be named by a word alone") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  site.configure(
      certificate_table("web") +
      deploy_table({.directory = directory, .reload = {}, .verify = {}, .more = "contents = [\"combined\"]"}));
  require_status(site.everseal({"renew"}), 0);
  CHECK(site.deployment_state("web", "server") == "unverifiable");
  bool found = false;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.is_symlink()) found = serial_of(entry.path().string()) == site.live_serial("web");
  CHECK(found);
}

TEST_CASE("a server that loads a whole directory serves the certificate that was there before no more") {
  const Site site;
  const std::string directory = site / "certs";
  std::filesystem::create_directory(directory);
  run_or_fail({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=localhost",
               "-addext", "subjectAltName=DNS:localhost", "-keyout", site / "old.key", "-out", site / "old.pem"});
  write_text(directory + "/localhost.pem", read_text(site / "old.pem") + read_text(site / "old.key"), 0600);
  HaProxy haproxy(site, directory + "/");
  const auto served_to_rsa_clients = [&] {
    return run({"openssl", "s_client", "-connect", haproxy.endpoint(), "-servername", "localhost", "-tls1_2", "-cipher",
                "ECDHE-RSA-AES256-GCM-SHA384", "-no_ign_eof"})
        .success();
  };
  CHECK(served_to_rsa_clients());
  const std::string reload = site.script("reload", haproxy.reload_command());
  site.configure(certificate_table("web") +
                 deploy_table({.directory = directory,
                               .reload = reload,
                               .verify = haproxy.endpoint(),
                               .more = "contents = [{ content = \"combined\", file = \"localhost.pem\" }]"}));
  require_status(site.everseal({"renew"}), 0);
  CHECK(haproxy.served() == site.live_serial("web"));
  CHECK_FALSE(served_to_rsa_clients());
  CHECK(read_text(directory + "/.everseal/.before/localhost.pem") ==
        read_text(site / "old.pem") + read_text(site / "old.key"));
}
