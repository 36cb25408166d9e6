#include "system/server.h"
#include "system/site.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

TEST_CASE("nginx takes over a certificate, is reloaded, and its handshake proves it") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  Nginx nginx(site, "web", directory);
  const std::string before = nginx.served();
  const std::string reload = site.script("reload", nginx.reload_command());
  site.configure(certificate_table("web") +
                 deploy_table({.directory = directory, .reload = reload, .verify = nginx.endpoint()}));

  require_status(site.everseal({"renew"}), 0);
  CHECK(nginx.served() != before);
  CHECK(nginx.served() == site.live_serial("web"));
  CHECK(site.deployment_state("web", "server") == "verified");
  CHECK(read_text(directory + "/.everseal/.before/fullchain.pem") != read_text(directory + "/fullchain.pem"));

  const std::string first = nginx.served();
  require_status(site.everseal({"renew", "web", "--force"}), 0);
  CHECK(nginx.served() != first);
  CHECK(nginx.served() == site.live_serial("web"));
  CHECK(site.count_versions("web") == 2);
  CHECK(site.count_signed() == 2);

  // Nothing is due any more.
  const std::string settled = nginx.served();
  require_status(site.everseal({"renew"}), 0);
  require_status(site.everseal({"renew", "web"}), 0);
  require_status(site.everseal({"verify", "web"}), 0);
  CHECK(nginx.served() == settled);
  CHECK(site.count_signed() == 2);

  // What an independent client says of it.
  const std::string trusted = run_or_fail({"curl", "--silent", "--show-error", "--cacert", site.root_file(),
                                           fmt::format("https://localhost:{}/", nginx.port())});
  CHECK(trusted == "hello \n");
  require_status(site.everseal({"history", "--verify"}), 0);
}

TEST_CASE("each of two certificates on one listener is proved by what only its key can answer") {
  const Site site;
  const std::string ecdsa = site.server_directory("ecdsa");
  const std::string rsa = site.server_directory("rsa");
  const Nginx nginx(site, "web", ecdsa,
                    fmt::format("ssl_certificate {0}/fullchain.pem; ssl_certificate_key {0}/privkey.pem;", rsa));
  const std::string reload = site.script("reload", nginx.reload_command());
  const auto table = [&](const std::string& name, const std::string& directory, const std::string& key) {
    return certificate_table(name, fmt::format("key = \"{}\"", key)) +
           deploy_table({.certificate = name, .directory = directory, .reload = reload, .verify = nginx.endpoint()});
  };
  site.configure(table("ecdsa", ecdsa, "ecdsa-p256") + table("rsa", rsa, "rsa-2048"));
  require_status(site.everseal({"renew"}), 0);
  require_status(site.everseal({"renew", "--force", "--all"}), 0);
  for (const char* const name : {"ecdsa", "rsa"}) {
    CHECK(site.deployment_state(name, "server") == "verified");
    CHECK(site.count_events(name, "deployment.rolled_back") == 0);
  }
  // A reload that does nothing is still found out.
  const std::string lazy = site.script("lazy", "true");
  site.configure(table("ecdsa", ecdsa, "ecdsa-p256") + certificate_table("rsa", "key = \"rsa-2048\"") +
                 deploy_table({.certificate = "rsa",
                               .directory = rsa,
                               .reload = lazy,
                               .verify = nginx.endpoint(),
                               .more = "verify_timeout = \"1s\""}));
  require_status(site.everseal({"renew", "--force", "rsa"}), 1);
  CHECK(site.count_events("rsa", "deployment.rolled_back") == 1);
}

TEST_CASE("issue gets a certificate in one command, deploys it and keeps it alive") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  Nginx nginx(site, "web", directory);
  const std::string reload = site.script("reload", nginx.reload_command());
  require_status(site.everseal({"issue", "--issuer", "demo", "-d", "localhost", "-d", "127.0.0.1", "--as", "web",
                                "--deploy-dir", directory, "--reload", reload, "--verify", nginx.endpoint()}),
                 0);
  CHECK(nginx.served() == site.live_serial("web"));
  const std::string first = nginx.served();
  require_status(site.everseal({"renew", "web", "--force"}), 0);
  CHECK(nginx.served() != first);
  CHECK(nginx.served() == site.live_serial("web"));
}

TEST_CASE("nginx that demands client certificates accepts ours and refuses others") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  Nginx nginx(site, "web", directory,
              fmt::format("ssl_client_certificate {}; ssl_verify_depth 2; ssl_verify_client on;", site.root_file()));
  const std::string reload = site.script("reload", nginx.reload_command());
  site.configure(certificate_table("web") +
                 deploy_table({.directory = directory, .reload = reload, .verify = nginx.endpoint()}) +
                 "[certificate.alice]\nissuer = [\"demo\"]\nprofile = \"client\"\nsubject = \"CN=alice\"\n"
                 "identifiers = [\"alice@example.org\"]\n");
  // A server that wants a certificate of its client still shows its own: the rotation is verified.
  require_status(site.everseal({"renew"}), 0);
  CHECK(site.deployment_state("web", "server") == "verified");
  CHECK(nginx.served() == site.live_serial("web"));  // and shows no other any more

  const auto get = [&](Words more) {
    Words words{"curl",           "--silent",
                "--show-error",   "--output",
                site / "answer",  "--write-out",
                "%{http_code}",   "--cacert",
                site.root_file(), fmt::format("https://localhost:{}/", nginx.port())};
    words.insert(words.end(), more.begin(), more.end());
    return run_or_fail(words);
  };
  const std::string live = site.state() + "/live/alice";
  CHECK(get({}) == "400");
  CHECK(get({"--cert", live + "/fullchain.pem", "--key", live + "/privkey.pem"}) == "200");
  CHECK(read_text(site / "answer") == "hello CN=alice\n");
  // A certificate of nobody we trust, and a server's certificate in a client's place.
  site.server_directory("stranger");
  CHECK(get({"--cert", site / "stranger/fullchain.pem", "--key", site / "stranger/privkey.pem"}) == "400");
  const std::string server = site.state() + "/live/web";
  CHECK(get({"--cert", server + "/fullchain.pem", "--key", server + "/privkey.pem"}) == "400");
}
