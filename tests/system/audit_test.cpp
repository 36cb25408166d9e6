// Audits of real servers: a faultless one is one line, and each fault is found by exactly its rule.
#include "system/server.h"
#include "system/site.h"

#include <chrono>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

using Rules = std::set<std::string>;

// Of the only place that an audit of `server` sees: what is graver than a notice.
Rules found_at(const Site& site, const Nginx& server, const std::string& asked = "localhost",
               const std::string& policy = "intermediate") {
  const base::Exit exit = site.everseal({"audit", server.endpoint(), "--sni", asked, "--policy", policy, "--json"});
  const Json report = Json::parse(exit.output);
  REQUIRE_MESSAGE(report.contains("places"), exit.output);
  REQUIRE(report["places"].size() == 1);
  Rules rules;
  for (const Json& finding : report["places"][0]["findings"])
    if (finding["severity"] != "notice") rules.insert(finding["rule"].get<std::string>());
  return rules;
}

// A directory with what a certificate "web" of the site's CA has in use.
std::string deployed(const Site& site, const std::string& name) {
  const std::string directory = site.server_directory(name);
  for (const char* file : {"fullchain.pem", "privkey.pem"})
    write_text(directory + "/" + file, read_text(site.state() + "/live/web/" + file));
  return directory;
}

struct SiteWithWeb : Site {
  SiteWithWeb() {
    configure(certificate_table("web"));
    require_status(everseal({"renew"}), 0);
  }
};

}  // namespace

TEST_CASE("nginx as Debian has it, with a managed certificate, has nothing above a notice") {
  const SiteWithWeb site;
  const Nginx nginx(site, "good", deployed(site, "good"));
  const base::Exit exit = site.everseal({"audit", nginx.endpoint(), "--sni", "localhost", "--fail-on", "warning"});
  require_status(exit, 0);
  CHECK(found_at(site, nginx).empty());
  const Json report = site.json({"audit", nginx.endpoint(), "--sni", "localhost"});
  CHECK(report["places"][0]["managed"] == "web");
}

TEST_CASE("each fault of a server is found by its rule and no other") {
  const SiteWithWeb site;
  const std::string leaf_only = deployed(site, "leaf-only");
  write_text(leaf_only + "/fullchain.pem", read_text(site.state() + "/live/web/cert.pem"));
  const std::string twice = deployed(site, "twice");
  write_text(twice + "/fullchain.pem",
             read_text(site.state() + "/live/web/fullchain.pem") + read_text(site.state() + "/live/web/cert.pem"));
  const std::string good = deployed(site, "good");

  struct Row {
    std::string name;
    std::string directory;
    std::string directives;
    Rules rules;
  };
  const Row rows[] = {
      {"self-signed", site.server_directory("before"), "", {"self-signed", "name-mismatch"}},
      {"leaf-only", leaf_only, "", {"chain-incomplete"}},
      {"twice", twice, "", {"chain-foreign"}},
      {"old", good, "ssl_protocols TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;", {"old-protocol"}},
      {"mutual", good, fmt::format("ssl_verify_client on; ssl_client_certificate {};", site.root_file()), {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Nginx nginx(site, row.name, row.directory, row.directives);
    const Rules found = found_at(site, nginx);
    std::string text;
    for (const std::string& rule : found) text += rule + " ";
    CHECK_MESSAGE(found == row.rules, text);
  }
  const Nginx nginx(site, "name", good);
  CHECK(found_at(site, nginx, "other.example.org") == Rules{"name-mismatch"});

  // What one policy recommends against, another forbids.
  const Nginx cbc(site, "cbc", good, "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;");
  CHECK(found_at(site, cbc).empty());
  CHECK(found_at(site, cbc, "localhost", "modern").contains("old-protocol"));
}

TEST_CASE("a server that was given another certificate is told by the next audit") {
  const SiteWithWeb site;
  const std::string directory = deployed(site, "tls");
  Nginx nginx(site, "web", directory);
  const Words audit{"audit", nginx.endpoint(), "--sni", "localhost", "--changes"};
  require_status(site.everseal(audit), 0);
  require_status(site.everseal({"renew", "web", "--force"}), 0);
  deployed(site, "tls");
  nginx.stop();
  nginx.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // what is remembered has seconds
  const base::Exit exit = site.everseal(audit);
  require_status(exit, 0);
  CHECK_MESSAGE(exit.output.find("another certificate") != std::string::npos, exit.output);
}
