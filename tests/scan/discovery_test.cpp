// What a host's servers say, as targets and as tables of the config.
#include "scan/discovery.h"

#include "fakes/temporary_directory.h"
#include "inventory/places.h"
#include "pki/issued.h"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::scan {
namespace {

namespace fs = std::filesystem;
namespace t = pki::testing;

struct HostTree {
  fakes::TemporaryDirectory root;

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root.path() + path).parent_path());
    std::ofstream(root.path() + path) << text;
  }
  Discovery discover(std::vector<std::string> paths = {}) const {
    DiscoveryRequest request;
    request.root = root.path();
    request.servers = discover::find_servers(discover::HostFiles(root.path()));
    request.paths = std::move(paths);
    return discover_host(request, nullptr, t::kNow, {});
  }
};

std::string server(const std::string& says) { return "http { " + says + " }\n"; }

}  // namespace

TEST_CASE("a site that nobody watches is an endpoint, its certificate a proposal unless it is managed") {
  const HostTree host;
  const auto root = t::make_root();
  const auto leaf = t::issue(t::server_template("a.example.org", t::key_of(pki::KeyType::ecdsa_p256, 2)), root);
  host.write("/etc/nginx/tls/a.pem", leaf.pem());
  host.write("/etc/nginx/nginx.conf",
             server("server { listen 443 ssl; server_name a.example.org; ssl_certificate tls/a.pem; "
                    "ssl_certificate_key tls/a.key; } server { listen 8443 ssl; server_name a.example.org; "
                    "ssl_certificate tls/a.pem; } server { listen 25 ssl; server_name m.example.org; }"));
  const Discovery found = host.discover();
  FoundContext context{.issuer = "corp"};
  auto tables = tables_of(found, context);
  REQUIRE(tables.size() == 1);
  const auto& own = tables.at("nginx");
  REQUIRE(own.size() == 3);
  CHECK(own[0].key == "endpoint a.example.org");
  CHECK(own[0].proposed == "a.example.org");
  CHECK(std::get<base::List>(base::find(own[0].options, "targets")->data).size() == 2);
  CHECK(base::find(own[0].options, "starttls") == nullptr);
  CHECK(std::get<std::string>(base::find(own[1].options, "starttls")->data) == "none");
  CHECK(own[2].family == "certificate");
  CHECK(own[2].stands == config::FoundTable::Stands::proposed);
  CHECK(own[2].key == "certificate /etc/nginx/tls/a.pem");
  CHECK(base::find(own[2].options, "deploy") != nullptr);

  context.watched = {"127.0.0.1:443 as a.example.org", "127.0.0.1:8443 as a.example.org"};
  context.is_managed = [&](const pki::Fingerprint& fingerprint) { return fingerprint == leaf.fingerprint(); };
  tables = tables_of(found, context);
  REQUIRE(tables.at("nginx").size() == 1);
  CHECK(tables.at("nginx")[0].key == "endpoint m.example.org");
}

TEST_CASE("a proposal names the files that the server reads") {
  const HostTree host;
  const auto root = t::make_root();
  const auto leaf = t::issue(t::server_template("a.example.org", t::key_of(pki::KeyType::ecdsa_p256, 2)), root);
  host.write("/etc/nginx/tls/a.pem", leaf.pem());
  host.write("/etc/nginx/nginx.conf", server("server { listen 443 ssl; server_name a.example.org; ssl_certificate "
                                             "tls/a.pem; ssl_certificate_key tls/a.key; }"));
  const auto tables = tables_of(host.discover(), {.issuer = "corp"});
  REQUIRE(tables.at("nginx").size() == 2);
  for (const auto& table : tables.at("nginx")) {
    if (table.family != "certificate") continue;
    const base::Value* const deploy = base::find(table.options, "deploy");
    const auto& nginx = std::get<base::Table>(base::find(std::get<base::Table>(deploy->data), "nginx")->data);
    CHECK(std::get<std::string>(base::find(nginx, "directory")->data) == "/etc/nginx/tls");
    const auto& contents = std::get<base::List>(base::find(nginx, "contents")->data);
    REQUIRE(contents.size() == 2);
    const auto said = [](const base::Value& value, std::string_view key) {
      return std::get<std::string>(base::find(std::get<base::Table>(value.data), key)->data);
    };
    CHECK(said(contents[0], "content") == "fullchain");
    CHECK(said(contents[0], "file") == "a.pem");
    CHECK(said(contents[1], "content") == "privkey");
    CHECK(said(contents[1], "file") == "a.key");
  }
}

TEST_CASE("no proposal would write a key over one that another certificate needs, or where nobody reads it") {
  const HostTree host;
  const auto root = t::make_root();
  for (const char* const name : {"a", "b", "c", "d", "e"}) {
    const auto wanted = t::server_template(fmt::format("{}.example.org", name), t::key_of(pki::KeyType::ecdsa_p256, 2));
    host.write(fmt::format("/etc/nginx/tls/{}.pem", name), t::issue(wanted, root).pem());
  }
  host.write("/etc/nginx/nginx.conf",
             server("server { listen 443 ssl; ssl_certificate tls/a.pem; ssl_certificate_key tls/b.key; } "
                    "server { listen 444 ssl; ssl_certificate tls/b.pem; ssl_certificate_key tls/b.key; } "
                    "server { listen 445 ssl; ssl_certificate tls/c.pem; ssl_certificate_key private/c.key; } "
                    "server { listen 446 ssl; ssl_certificate tls/d.pem; ssl_certificate_key tls/d.key; "
                    "ssl_certificate tls/e.pem; ssl_certificate_key tls/e.key; }"));
  std::map<std::string, std::string> files;
  const auto tables = tables_of(host.discover(), {.issuer = "corp"});
  for (const auto& table : tables.at("nginx")) {
    if (table.family != "certificate") continue;
    std::string& said = files[table.proposed];
    const base::Value* const deploy = base::find(table.options, "deploy");
    if (deploy == nullptr) {
      said = table.comment.substr(table.comment.find("; where"));
      continue;
    }
    const auto& nginx = std::get<base::Table>(base::find(std::get<base::Table>(deploy->data), "nginx")->data);
    const base::Value* const contents = base::find(nginx, "contents");
    for (const base::Value& one : std::get<base::List>(contents->data))
      said += std::get<std::string>(base::find(std::get<base::Table>(one.data), "file")->data) + " ";
  }
  const std::string left = "; where it is deployed is left to you, as its key /etc/nginx/";
  CHECK(files ==
        std::map<std::string, std::string>{{"a.example.org", left + "tls/b.key is read with other certificates too"},
                                           {"b.example.org", left + "tls/b.key is read with other certificates too"},
                                           {"c.example.org", left + "private/c.key lies in another directory"},
                                           {"d.example.org", "d.pem d.key "},
                                           {"e.example.org", "e.pem e.key "}});
}

TEST_CASE("certificates in files are remembered as seen, and an audit's findings there stay open") {
  const HostTree host;
  const auto root = t::make_root();
  const auto leaf = t::issue(t::server_template("a.example.org", t::key_of(pki::KeyType::ecdsa_p256, 2)), root);
  host.write("/srv/a.pem", leaf.pem());
  host.write("/srv/broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  inventory::Store store = inventory::Store::create(host.root / "state", t::kNow);
  const Discovery found = host.discover({host.root.path() + "/srv"});
  CHECK(found.servers.empty());
  REQUIRE(found.files.size() == 2);
  remember(store, found, "prod", t::kNow);
  inventory::Places places(store);
  const auto seen = places.of(leaf.fingerprint(), 10);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].first.name.raw() == host.root.path() + "/srv/a.pem");
  CHECK(seen[0].first.environment == "prod");
  CHECK(places.named(host.root.path() + "/srv/broken.pem").empty());
}

}  // namespace everseal::scan
