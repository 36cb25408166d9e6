// What the configs of this host's servers say, beside what they serve.
#include "scan/own_servers.h"

#include "inventory/certificates.h"
#include "inventory/managed.h"
#include "scan/bench.h"
#include "scan/clients.h"

#include <chrono>
#include <filesystem>
#include <fstream>

namespace everseal::scan {
namespace {

namespace fs = std::filesystem;

void write_text(const std::string& path, std::string_view text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

// The servers of a host whose one config this is.
OwnServers own_of(discover::ServerKind kind, const std::string& config) {
  const fakes::TemporaryDirectory folder;
  write_text(folder / "main.conf", config);
  return own_servers({discover::read_server(discover::HostFiles("/"), kind, folder / "main.conf")},
                     {.environment = "prod"});
}

// "127.0.0.1:443 as www.example.org asks www.example.org files /a.pem"
Texts meant_of(const OwnServers& own) {
  Texts all;
  for (const Wanted& one : own.endpoints) {
    std::string text = one.name;
    if (!one.target.starttls.empty()) text += " by " + one.target.starttls;
    for (const auto& identifier : one.asked) text += " asks " + identifier.text();
    for (const std::string& file : own.meant.at(one.name).files) text += " file " + file;
    for (const auto& upstream : own.meant.at(one.name).upstreams) text += " passes to " + upstream.peer;
    all.push_back(text);
  }
  return all;
}

// An nginx with one site on a port of loopback.
struct HostBench : Bench {
  ChainServer server;
  std::string tls = directory / "tls/";
  const pki::PrivateKey& other_key = t::key_of(pki::KeyType::ecdsa_p256, 3);

  void put(const std::string& name, std::string_view text, base::Seconds ago = base::Seconds{7200}) {
    write_text(tls + name, text);
    fs::last_write_time(tls + name, fs::file_time_type::clock::now() - ago);
  }
  void put(const std::vector<pki::Certificate>& certificates, base::Seconds ago = base::Seconds{7200}) {
    put("full.pem", t::pem_of(certificates), ago);
  }
  void put(const pki::PrivateKey& its_key) { put("key.pem", its_key.pem().reveal_text()); }
  void read_config(const std::string& more = {}) {
    request.own = own_of(discover::ServerKind::nginx,
                         fmt::format("http {{ server {{ listen 127.0.0.1:{} ssl; server_name www.example.org;\n"
                                     "ssl_certificate {}full.pem; ssl_certificate_key {}key.pem; {} }} }}",
                                     server.port(), tls, tls, more));
    request.endpoints = request.own.endpoints;
  }
  // Rules by whether they were found at the listener or the file.
  Texts found() {
    Texts all;
    for (const report::AuditedPlace& place : run().places)
      for (const std::string& rule : rules_of(place))
        all.push_back((place.place.kind == inventory::PlaceKind::file ? "file " : "listener ") + rule);
    std::ranges::sort(all);
    return all;
  }
};

}  // namespace

TEST_CASE("each listener that a config names is looked at, and knows what it is to serve") {
  using enum discover::ServerKind;
  const struct {
    discover::ServerKind kind;
    const char* config;
    Texts meant;
  } rows[] = {
      {nginx,
       "http { server { listen 443 ssl; server_name www.example.org example.org *.example.org localhost;\n"
       "ssl_certificate /a; ssl_certificate_key /a.key; location / { proxy_pass http://10.0.0.5; } } }",
       {"127.0.0.1:443 as www.example.org asks www.example.org asks example.org file /a passes to http://10.0.0.5"}},
      // Who asks for no name gets the certificate of any of the sites there.
      {nginx,
       "http { server { listen 443 ssl; ssl_certificate /a; }\n"
       "server { listen 443 ssl; server_name b.example.org; ssl_certificate /b; } }",
       {"127.0.0.1:443 file /a file /b", "127.0.0.1:443 as b.example.org asks b.example.org file /b"}},
      {nginx,
       "http { server { listen 443 ssl; server_name *.example.org; ssl_certificate /w; }\n"
       "server { listen 443 ssl; server_name b.example.org; ssl_certificate /b; } }",
       {"127.0.0.1:443 file /w file /b", "127.0.0.1:443 as b.example.org asks b.example.org file /w file /b"}},
      {nginx, "http { server { listen 80; ssl_certificate /a; } }", {}},
      {postgresql,
       "ssl = on\nssl_cert_file = '/a'\nssl_key_file = '/a.key'\nlisten_addresses = '*'\n",
       {"127.0.0.1:5432 by postgres file /a"}},
      {haproxy, "frontend f\n  bind :8443 ssl crt /a crt /b\n", {"127.0.0.1:8443 file /a file /b"}},
  };
  for (const auto& [kind, config, meant] : rows) {
    CAPTURE(config);
    const OwnServers own = own_of(kind, config);
    CHECK(fmt::format("{}", fmt::join(meant_of(own), "\n")) == fmt::format("{}", fmt::join(meant, "\n")));
    for (const Wanted& one : own.endpoints) {
      CHECK(one.environment == "prod");
      CHECK(one.source == discover::to_string(kind));
    }
  }
}

TEST_CASE("what a server serves is compared with the files that its config names") {
  HostBench bench;
  const auto old = bench.chain("www.example.org", 30 * t::kDay), fresh = bench.chain("www.example.org");
  const auto other = bench.chain("www.example.org", 85 * t::kDay, bench.other_key);
  bench.read_config();
  bench.put(fresh);
  bench.put(bench.key);
  bench.server.show(fresh, bench.key);
  SUBCASE("all is one: that nothing renews it is a notice") {
    CHECK(bench.found() == Texts{"file file-unrenewed"});
    CHECK(bench.request.own.endpoints.size() == 1);
  }
  SUBCASE("renewed on the disk, and the old one is served") {
    bench.server.show(old, bench.key);
    CHECK(bench.found() == Texts{"file file-unrenewed", "listener served-differs"});
    bench.now += base::Seconds{60};
    bench.server.show(fresh, bench.key);
    CHECK(bench.found() == Texts{"file file-unrenewed"});
  }
  SUBCASE("who does not ask the servers in between takes nothing back, and who asks again does") {
    bench.server.show(old, bench.key);
    bench.found();
    const OwnServers own = bench.request.own;
    const auto open = [&] {
      Texts rules;
      inventory::Findings(bench.store).each_open(bench.now, [&](const auto& one) {
        rules.push_back(one.finding.rule);
      });
      std::ranges::sort(rules);
      return rules;
    };
    bench.server.show(fresh, bench.key);
    bench.request.own = {};
    bench.now += base::Seconds{60};
    CHECK(bench.found().empty());
    CHECK(open() == Texts{"file-unrenewed", "served-differs"});
    bench.request.own = own;
    bench.now += base::Seconds{60};
    bench.found();
    CHECK(open() == Texts{"file-unrenewed"});
  }
  SUBCASE("a reload has an hour") {
    bench.put(fresh, base::Seconds{60});
    bench.server.show(old, bench.key);
    CHECK(bench.found() == Texts{"file file-unrenewed"});
  }
  SUBCASE("the key beside is another one's") {
    bench.put(bench.other_key);
    CHECK(bench.found() == Texts{"file file-unrenewed", "file key-mismatch"});
  }
  SUBCASE("one key of two is the certificate's") {
    bench.put("key.pem", std::string(bench.other_key.pem().reveal_text()) + std::string(bench.key.pem().reveal_text()));
    CHECK(bench.found() == Texts{"file file-unrenewed"});
  }
  SUBCASE("a key that is encrypted tells nothing") {
    bench.put("key.pem", bench.key.encrypted_pem(base::Secret("secret")).reveal_text());
    CHECK(bench.found() == Texts{"file file-unrenewed"});
  }
  SUBCASE("files that are missing are told") {
    fs::remove(bench.tls + "key.pem");
    CHECK(bench.found() == Texts{"file file-unreadable", "file file-unrenewed"});
  }
  SUBCASE("what a server passes on in plain text") {
    bench.read_config("location / { proxy_pass http://10.0.0.5:8080; }");
    CHECK(bench.found() == Texts{"file file-unrenewed", "listener upstream-plain"});
    bench.read_config("location / { proxy_pass https://10.0.0.5:8443; }");
    CHECK(bench.found() == Texts{"file file-unrenewed", "listener upstream-unverified"});
  }
  SUBCASE("what a server shows to its upstreams is for clients") {
    bench.put("shown.pem", t::pem_of(other));
    bench.put("shown.key.pem", bench.other_key.pem().reveal_text());
    bench.read_config(
        fmt::format("location / {{ proxy_pass https://10.0.0.5; proxy_ssl_verify on;\n"
                    "proxy_ssl_certificate {0}shown.pem; proxy_ssl_certificate_key {0}shown.key.pem; }}",
                    bench.tls));
    const OwnServers own = bench.request.own;
    const Texts with_clients{"file client-auth-missing", "file file-unrenewed", "file file-unrenewed"};
    CHECK(bench.found() == with_clients);
    // Who did not ask the servers does not take it back.
    bench.request.own = {};
    bench.request.endpoints.clear();
    bench.request.paths = {bench.tls + "shown.pem"};
    bench.now += base::Seconds{60};
    CHECK(bench.found().empty());
    int open = 0;
    inventory::Findings(bench.store).each_open(bench.now, [&](const auto& one) {
      open += one.finding.rule == "client-auth-missing" ? 1 : 0;
    });
    CHECK(open == 1);
  }
  SUBCASE("a file that no server reads, where somebody asked for it") {
    bench.put("left.pem", t::pem_of(other));
    bench.request.paths = {bench.tls + "left.pem"};
    CHECK(bench.found() == Texts{"file file-unread", "file file-unrenewed"});
    // Who did not ask the servers neither says so nor takes it back.
    bench.request.own = {};
    bench.request.endpoints.clear();
    CHECK(bench.found().empty());
    Texts open;
    inventory::Findings(bench.store).each_open(bench.now, [&](const auto& one) {
      open.push_back(one.finding.rule + " " + one.place.name.raw());
    });
    CHECK(std::ranges::find(open, "file-unread " + bench.tls + "left.pem") != open.end());
  }
  SUBCASE("what is kept alive here, or by another client, is renewed") {
    fs::create_directories(bench.directory / "letsencrypt/live");
    fs::rename(bench.tls + "full.pem", bench.directory / "letsencrypt/live/full.pem");
    fs::create_symlink(bench.directory / "letsencrypt/live/full.pem", bench.tls + "full.pem");
    CHECK(bench.found().empty());
  }
}

TEST_CASE("a managed certificate is for clients where its profile says so") {
  HostBench bench;
  const auto chain = bench.chain("www.example.org");
  const base::Name www = base::Name::parse("www");
  inventory::Managed(bench.store).put({.name = www, .spec = "{}", .spec_hash = "x", .origin = "once"});
  inventory::Certificates(bench.store).add(chain, bench.now);
  inventory::VersionRecord version{.name = www, .number = 1, .state = inventory::VersionState::live, .issuer = www};
  version.certificate = chain[0].fingerprint();
  version.created = bench.now;
  inventory::Versions(bench.store).put(version);
  bench.put(chain);
  bench.request.paths = {bench.tls + "full.pem"};
  const auto found = [&](const std::optional<std::string>& profile, const std::vector<std::string>& own_usage) {
    config::Config config;
    config.certificates[www].profile = profile;
    config.profiles[base::Name::parse("own")].usage = own_usage;
    bench.request.clients = client_certificates(config);
    bench.now += base::Seconds{60};
    return bench.found();
  };
  CHECK(found(std::nullopt, {}).empty());
  CHECK(found("server", {}).empty());
  CHECK(found("peer", {}) == Texts{"file client-auth-missing"});
  CHECK(found("client", {}) == Texts{"file client-auth-missing"});
  CHECK(found("own", {"serverAuth"}).empty());
  CHECK(found("own", {"clientAuth"}) == Texts{"file client-auth-missing"});
  CHECK(found("theirs", {"clientAuth"}).empty());
}

TEST_CASE("what was deployed is compared with what its listener serves") {
  HostBench bench;
  const auto old = bench.chain("www.example.org", 30 * t::kDay), fresh = bench.chain("www.example.org");
  const base::Name www = base::Name::parse("www"), nginx = base::Name::parse("nginx");
  inventory::ManagedRecord managed{.name = www, .spec = "{}", .spec_hash = "x", .origin = "once"};
  inventory::Managed(bench.store).put(managed);
  inventory::Certificates(bench.store).add(fresh, bench.now);
  inventory::VersionRecord version{.name = www, .number = 1, .state = inventory::VersionState::live, .issuer = nginx};
  version.certificate = fresh[0].fingerprint();
  version.created = bench.now;
  inventory::Versions(bench.store).put(version);
  inventory::DeploymentRecord deployment{.owner = www, .target = nginx, .version = 1, .current = 1};
  deployment.state = inventory::DeploymentState::verified;
  deployment.changed = bench.now - base::Seconds{7200};
  inventory::Deployments(bench.store).put(deployment);

  config::Certificate certificate;
  certificate.name = www;
  certificate.identifiers = {pki::Identifier::parse("www.example.org")};
  certificate.deployments.push_back({.name = nginx});
  certificate.deployments.back().verify.push_back({.connect = bench.server.address()});
  bench.request.endpoints = targets_of(certificate);

  bench.server.show(old, bench.key);
  CHECK(bench.found() == Texts{"listener served-differs"});
  bench.now += base::Seconds{60};
  bench.server.show(fresh, bench.key);
  CHECK(bench.found().empty());
  // Beside another one's RSA key, whichever of the two is shown first.
  const pki::PrivateKey& rsa_key = t::key_of(pki::KeyType::rsa_2048, 1);
  const auto rsa = bench.chain("www.example.org", 80 * t::kDay, rsa_key);
  bench.now += base::Seconds{60};
  bench.server.show(fresh, bench.key, rsa, rsa_key);
  CHECK(bench.found().empty());
  bench.now += base::Seconds{60};
  bench.server.show(old, bench.key, rsa, rsa_key);
  CHECK(bench.found() == Texts{"listener served-differs"});
  deployment.current.reset();
  inventory::Deployments(bench.store).put(deployment);
  bench.now += base::Seconds{60};
  bench.server.show(old, bench.key);
  CHECK(bench.found().empty());
}

TEST_CASE("an old version of a managed certificate is told wherever it is served, with whose deployment is behind") {
  HostBench bench;
  const auto old = bench.chain("www.example.org", 30 * t::kDay), fresh = bench.chain("www.example.org");
  const base::Name www = base::Name::parse("www"), nginx = base::Name::parse("nginx");
  inventory::Managed(bench.store).put({.name = www, .spec = "{}", .spec_hash = "x", .origin = "once"});
  const auto put = [&](int number, const std::vector<pki::Certificate>& chain, inventory::VersionState state) {
    inventory::Certificates(bench.store).add(chain, bench.now);
    inventory::VersionRecord version{.name = www, .number = number, .state = state, .issuer = nginx};
    version.certificate = chain[0].fingerprint();
    version.not_after = chain[0].not_after();
    version.created = bench.now - base::Seconds{7200};
    inventory::Versions(bench.store).put(version);
  };
  put(1, old, inventory::VersionState::retired);
  put(2, fresh, inventory::VersionState::live);
  bench.want(bench.server, "www.example.org");
  const auto told = [&]() -> std::string {
    bench.now += base::Seconds{60};
    const auto result = bench.run();
    REQUIRE(result.places.size() == 1);
    if (result.places[0].findings.empty()) return {};
    CHECK(rules_of(result.places[0]) == Texts{"superseded-served"});
    CHECK(result.places[0].managed == www);
    return result.places[0].findings[0].finding.what;
  };
  bench.server.show(old, bench.key);
  const std::string head = fmt::format("version 1 of www is served; version 2, until {}, ",
                                       base::format_time(fresh[0].not_after()).substr(0, 10));
  CHECK(told() ==
        head + "is on the disk and deployed to nothing, so that who reads live/ has to reload: `everseal deploy www`");
  inventory::DeploymentRecord deployment{.owner = www, .target = nginx, .version = 2, .current = 1};
  deployment.changed = bench.now - base::Seconds{7200};
  deployment.problem = "the disk is full";
  inventory::Deployments(bench.store).put(deployment);
  CHECK(told() == head + "is on the disk and not yet deployed to nginx (the disk is full): `everseal deploy www`");
  deployment.current = 2;
  inventory::Deployments(bench.store).put(deployment);
  CHECK(told() == head + "was deployed to nginx, whose server goes on without it: `everseal deploy www`");
  bench.server.show(fresh, bench.key);
  CHECK(told().empty());
  // Rolled back: the newer one is not the one in use.
  put(2, fresh, inventory::VersionState::retired);
  put(1, old, inventory::VersionState::live);
  bench.server.show(old, bench.key);
  CHECK(told().empty());
}

}  // namespace everseal::scan
