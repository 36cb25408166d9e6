// What was not seen is not made up, and what addresses show is kept apart.
#include "../skip.h"
#include "base/text.h"
#include "system/mint.h"
#include "system/s_server.h"

#include <chrono>
#include <map>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

TEST_CASE("an endpoint that shows no certificate has a reason and no end in any report") {
  const Site site;
  const Mint mint(site);
  const std::string good = mint.serve("good", mint.wanted());
  const SServer mutual(good, {"-Verify", "1"}),
      no_agreement(good, {"-tls1_2", "-nocert", "-psk", "00", "-cipher", "PSK"});
  const int closed = free_port();
  site.configure(fmt::format("[audit]\ntrust = [\"{}\"]\n", mint.root_file()) +
                 fmt::format("[endpoint.all]\nsni = \"{}\"\ntargets = [\"{}\", \"{}\", \"127.0.0.1:{}\"]\n", kServed,
                             mutual.endpoint(), no_agreement.endpoint(), closed));
  const auto reported = [&](const std::string& format) { return site.everseal({"audit", "--format", format}).output; };

  const Json report = Json::parse(reported("json"));
  std::map<std::string, Json> places;
  for (const Json& place : report["places"]) places[place["name"].get<std::string>()] = place;
  const auto place_at = [&](const std::string& endpoint) {
    return places.at(fmt::format("{} as {}", endpoint, kServed));
  };
  // Who asks for a certificate of ours has shown its own before.
  CHECK(place_at(mutual.endpoint())["outcome"] == "complete");
  CHECK(place_at(mutual.endpoint())["client_certificate"] == "required");
  CHECK(place_at(mutual.endpoint())["ends"]["leaf"].is_string());
  const std::map<std::string, std::string> outcomes{{no_agreement.endpoint(), "handshake_failed"},
                                                    {fmt::format("127.0.0.1:{}", closed), "connection_refused"}};
  for (const auto& [endpoint, outcome] : outcomes) {
    const Json place = place_at(endpoint);
    CHECK(place["outcome"] == outcome);
    CHECK(place["problem"].is_string());
    for (const char* const end : {"leaf", "earliest", "path"}) CHECK(place["ends"][end].is_null());
    CHECK(place["timings_us"]["handshake"].is_null());
    CHECK(place["certificates"].empty());
  }

  const std::string metrics = reported("prometheus");
  for (const std::string& line : base::split(metrics, '\n')) {
    if (contains(line, "timestamp_seconds{")) {
      CHECK_MESSAGE(contains(line, mutual.endpoint()), line);
      CHECK_MESSAGE(!line.ends_with(" 0"), line);
    }
  }
  CHECK(contains(metrics, "everseal_leaf_not_after_timestamp_seconds{"));
  for (const char* const format : {"table", "csv", "html", "jsonl", "junit", "nagios", "sarif"}) {
    CAPTURE(format);
    const std::string text = reported(format);
    CHECK(!contains(text, "1970"));
    CHECK(contains(text, "refused"));
  }
}

TEST_CASE("who shows a client certificate sees what follows, and is told where it is refused") {
  const Site site;
  const Mint mint(site);
  const std::string good = mint.serve("good", mint.wanted());
  const Words demands{"-Verify", "1", "-verify_return_error", "-CAfile", site.root_file()};
  const auto speaking = [&](const char* version) {
    Words words = demands;
    words.emplace_back(version);
    return words;
  };
  const SServer newer(good, speaking("-tls1_3")), older(good, speaking("-tls1_2"));
  const std::string live = site.state() + "/live";
  const auto endpoint = [](const std::string& name, const SServer& server, const std::string& directory) {
    return fmt::format(
        "[endpoint.{0}]\nsni = \"{1}\"\ntargets = [\"{2}\"]\nclient_certificate_file = \"{3}/fullchain.pem\"\n"
        "client_key_file = \"{3}/privkey.pem\"\n",
        name, kServed, server.endpoint(), directory);
  };
  const auto certificates = fmt::format("[audit]\ntrust = [\"{}\"]\n", mint.root_file()) +
                            "[certificate.audit]\nissuer = [\"demo\"]\nprofile = \"client\"\n"
                            "subject = \"CN=audit\"\nidentifiers = [\"audit@example.org\"]\n";
  site.configure(certificates);
  require_status(site.everseal({"renew"}), 0);
  const auto audit = [&](const std::string& directory) {
    site.configure(certificates + endpoint("newer", newer, directory) + endpoint("older", older, directory));
    return Json::parse(site.everseal({"audit", "--json"}).output)["places"];
  };
  const auto has_finding = [](const Json& place, const char* rule) {
    bool found = false;
    for (const Json& finding : place["findings"]) found = found || finding["rule"] == rule;
    return found;
  };

  const Json let_in = audit(live + "/audit");
  REQUIRE(let_in.size() == 2);
  for (const Json& place : let_in) {
    CAPTURE(place.dump(1));
    CHECK(place["outcome"] == "complete");
    CHECK(place["client_certificate"] == "requested");
    CHECK(!has_finding(place, "client-certificate-required"));
    CHECK(place["ends"]["leaf"].is_string());
  }
  // Issued by nobody whom the server trusts: its own certificate is seen all the same.
  const Json refused = audit(good);
  REQUIRE(refused.size() == 2);
  for (const Json& place : refused) {
    CAPTURE(place.dump(1));
    CHECK(place["outcome"] == "handshake_failed");
    CHECK(has_finding(place, "handshake-failed"));
    CHECK(place["ends"]["leaf"].is_string());
  }
}

TEST_CASE("two addresses with two certificates are two places that stay, and one finding") {
  if (skipped_without_root()) return;
  const Site site;
  const Mint mint(site);
  const SServer one(mint.serve("one", mint.wanted()));
  const SServer other(mint.serve("other", mint.wanted()), {}, one.port(), "127.0.0.2");
  write_text(site / "hosts", fmt::format("127.0.0.1 localhost {0}\n127.0.0.2 {0}\n", kServed));
  site.configure(fmt::format("[audit]\ntrust = [\"{}\"]\n[endpoint.both]\ntargets = [\"{}:{}\"]\n", mint.root_file(),
                             kServed, one.port()));
  // A hosts file of its own, for the program alone.
  const Words apart{"unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", site / "hosts"};
  if (!run({"unshare", "--mount", "true"}).success())
    return skip_test("this needs a mount namespace of its own", InCi::may_lack_it);
  const auto audit = [&](const Words& more) {
    Words words = apart;
    Words command{"audit"};
    command.insert(command.end(), more.begin(), more.end());
    for (std::string& word : site.command(command)) words.push_back(std::move(word));
    return run(words);
  };
  const auto addresses_of = [&](const Json& report) {
    std::map<std::string, std::string> leafs;  // by address
    for (const Json& place : report["places"])
      leafs[place["address"].get<std::string>()] = place["certificates"][0]["fingerprint"].get<std::string>();
    return leafs;
  };
  const Json report = Json::parse(audit({"--json"}).output);
  const auto leafs = addresses_of(report);
  REQUIRE(report["places"].size() == 2);
  REQUIRE(leafs.size() == 2);
  CHECK(leafs.begin()->second != leafs.rbegin()->second);
  std::size_t divergences = 0;
  for (const char* const part : {"places", "compared"})
    for (const Json& place : report[part])
      for (const Json& finding : place["findings"]) divergences += finding["rule"] == "addresses-differ" ? 1U : 0U;
  CHECK(divergences == 1);

  CHECK(addresses_of(Json::parse(audit({"--json"}).output)) == leafs);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // what is remembered has seconds
  const base::Exit changes = audit({"--changes"});
  CHECK_MESSAGE(changes.output == "", transcript(changes));
}
