// What a host's web servers serve, beside the files and upstreams that their configs name: each fault is found by its
// rule and no other, whichever server it is.
#include "../skip.h"
#include "base/text.h"
#include "system/edge.h"
#include "system/server.h"
#include "system/zoo.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <set>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

// So long ago that a server has read it since.
void write_before(const std::string& path, const std::string& text) {
  write_text(path, text, 0600);
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(2));
}

// For servers that read one file and for those that read two.
void put(const std::string& directory, const std::string& chain, const std::string& key) {
  fs::create_directories(directory);
  write_before(directory + "/fullchain.pem", chain);
  write_before(directory + "/privkey.pem", key);
  write_before(directory + "/combined.pem", chain + key);
}

}  // namespace

TEST_CASE("what a web server serves, reads and passes on is held against its config, each fault found by its rule") {
  if (skipped_without_root()) return;  // Apache wants to change its user
  const Site site;
  const Mint mint(site);
  site.configure(fmt::format("[audit]\ntrust = [\"{}\"]\n", mint.root_file()));
  const std::string key(mint.key.pem().reveal_text());
  const std::string other_key(pki::testing::key_of(pki::KeyType::ecdsa_p256, 31).pem().reveal_text());
  const auto fresh = [&] { return pki::testing::pem_of(mint.chain_of(mint.wanted())); };
  const auto older = [&] {
    return pki::testing::pem_of(mint.chain_of(mint.ending(40 * pki::testing::kDay, 90 * pki::testing::kDay)));
  };

  pki::Template ended = pki::testing::ca_template("Ended", pki::testing::key_of(pki::KeyType::ecdsa_p256, 32));
  ended.not_after = pki::testing::kNow - pki::testing::kDay;
  ended.not_before = ended.not_after - 1000 * pki::testing::kDay;
  const pki::Certificate ended_root = pki::Certificate::parse(
      pki::sign_certificate(ended, nullptr, pki::testing::key_of(pki::KeyType::ecdsa_p256, 32)));

  for (const std::string kind : {"nginx", "apache", "haproxy"}) {
    CAPTURE(kind);
    const std::string home = site / kind;
    // Another client keeps what is below alive.
    const std::string renewed = home + "/letsencrypt/live/", by_hand = home + "/by-hand";
    const std::vector<std::pair<EdgeSite, Rules>> sites{
        {{renewed + "good"}, {}},
        {{renewed + "stale"}, {"served-differs error"}},
        {{renewed + "mismatch"}, {}},
        {{by_hand}, {}},
        {{renewed + "plain", "http://192.0.2.5:8080"}, {"upstream-plain warning"}},
        {{renewed + "unverified", "https://192.0.2.6:8443", kind == "apache" ? "" : renewed + "shown"},
         {"upstream-unverified warning"}},
    };
    std::vector<EdgeSite> served;
    for (const auto& [one, rules] : sites) {
      put(one.directory, one.directory.ends_with("stale") ? older() : fresh(), key);
      served.push_back(one);
    }
    // Apache takes no chain in the file of what it shows.
    if (!served.back().shown.empty()) put(served.back().shown, fresh(), key);
    const Edge edge(site, kind, kServed, served);
    std::map<std::string, Rules> expected;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      // HAProxy's binds have no names.
      const std::string as = kind == "haproxy" ? "" : fmt::format(" as {}", kServed);
      expected[fmt::format("127.0.0.1:{}{}", edge.port(i), as)] = sites[i].second;
      expected[edge.certificate_file(served[i])] = {};
    }
    expected[edge.certificate_file(served[3])] = {"file-unrenewed notice"};

    if (!served.back().shown.empty()) expected[edge.shown_file(served.back())] = {"client-auth-missing error"};

    // Renewed on the disk, and nobody reloaded.
    put(served[1].directory, fresh(), key);
    put(served[2].directory, read_text(served[2].directory + "/fullchain.pem"), other_key);
    expected[edge.certificate_file(served[2])] = {"key-mismatch error"};
    const std::string left = home + "/left.pem";
    write_before(left, fresh());
    expected[left] = {"file-unread notice"};

    const std::string broken = home + "/broken.pem", anchor = home + "/anchor.pem";
    write_before(broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expected[broken] = {"file-unreadable error"};
    write_before(anchor, ended_root.pem());
    expected[anchor] = {"anchor-expired notice"};

    const base::Exit exit =
        site.everseal({"audit", "--from", kind + "=" + edge.config(), left, broken, anchor, "--json"});
    const Json report = Json::parse(exit.output, nullptr, false);
    REQUIRE_MESSAGE(report.is_object(), transcript(exit));
    std::map<std::string, Rules> found;
    for (const Json& place : report["places"]) found[place["name"].get<std::string>()] = faults_of(place);
    for (const auto& [name, rules] : expected) {
      CAPTURE(name);
      REQUIRE_MESSAGE(found.contains(name), report["places"].dump());
      CHECK_MESSAGE(found.at(name) == rules, text_of(found.at(name)));
    }
    CHECK(found.size() == expected.size());
  }
}

TEST_CASE("what only all places together tell is found once: a key and a serial number used again, a CRL host away") {
  const Site site;
  const Mint mint(site);
  const auto of = [&](const std::string& name, int key, base::Bytes serial = {}) {
    pki::Template wanted = mint.wanted();
    wanted.identifiers = {pki::Identifier::parse(name + ".example.org")};
    const pki::PrivateKey& its_key = pki::testing::key_of(pki::KeyType::ecdsa_p256, key);
    wanted.public_key_info = its_key.public_key_info();
    if (!serial.empty()) wanted.serial = std::move(serial);
    if (name == "revocable") wanted.crl_urls = {fmt::format("http://127.0.0.1:{}/crl", free_port())};
    return mint.serve(name, mint.chain_of(wanted), its_key.pem());
  };
  const base::Bytes serial{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x08};
  const std::vector<std::pair<std::string, std::string>> services{{"one", of("one", 41)},
                                                                  {"other", of("other", 41)},
                                                                  {"first", of("first", 42, serial)},
                                                                  {"second", of("second", 43, serial)},
                                                                  {"revocable", of("revocable", 44)}};
  std::vector<NginxServer> servers;
  std::string tables = fmt::format("[audit]\ntrust = [\"{}\"]\nfetch_allow = [\"127.0.0.0/8\"]\n", mint.root_file());
  for (const auto& [name, directory] : services) servers.push_back({directory});
  const Nginx nginx(site, "services", servers);
  for (std::size_t i = 0; i < services.size(); ++i)
    tables += fmt::format("[endpoint.{0}]\ntargets = [\"{1}\"]\nsni = \"{0}.example.org\"\n", services[i].first,
                          nginx.endpoint(i));
  site.configure(tables);
  std::multiset<std::string> found;
  const base::Exit exit = site.everseal({"audit", "--format", "jsonl"});
  for (const std::string& line : base::split(exit.output, '\n')) {
    const Json document = Json::parse(line, nullptr, false);
    for (const char* const part : {"place", "compared"})
      if (document.is_object() && document.contains(part))
        for (const std::string& rule : faults_of(document[part])) found.insert(rule);
  }
  CHECK_MESSAGE(
      found == std::multiset<std::string>({"key-reused warning", "serial-reused error", "revocation-unknown warning"}),
      exit.output);
}
