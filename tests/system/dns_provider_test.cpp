// DNS providers against real servers: PowerDNS by its API, BIND by dynamic updates.
#include "base/error.h"
#include "base/text.h"
#include "contract/dns_contract.h"
#include "error_of.h"
#include "fakes/dns_options.h"
#include "system/acme_site.h"
#include "system/named.h"
#include "system/powerdns.h"

#include <algorithm>

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::system;
using base::Fault;
using fakes::option;

namespace {

const std::string kZone = "powered.test";
const std::string kName = "_acme-challenge.www." + kZone;

std::unique_ptr<dns::Provider> open(const std::string& kind, const base::Table& table) {
  return dns::find_kind(kind)->open(fakes::dns_options(kind, table));
}

}  // namespace

TEST_CASE("PowerDNS keeps several values at a name, and says what is wrong") {
  const Site site{Site::Ca::none};
  const PowerDns server(site, {kZone});
  const auto opened = [&](const std::string& key_file) {
    return open("powerdns", {{"api", option(server.api_url())}, {"key_file", option(key_file)}});
  };
  const auto provider = opened(server.key_file());
  const contract::DnsPlace place{
      .values = [&](const std::string& name) { return server.txt(name); },
      .put = [&](const std::string& name, const std::string& value) { server.put(kZone, name, value); }};
  for (const std::string& name : {kName, "_acme-challenge." + kZone, kZone})
    contract::keeps_values(*provider, place, name, kZone);

  // A text of several strings and with signs is another's, and stays.
  server.put(kZone, kName, R"(two\" \"strings)");
  provider->add(contract::txt(kName, kZone, contract::challenge_value('m')), {});
  CHECK(server.txt(kName) == contract::Values{contract::challenge_value('m'), R"(two" "strings)"});

  const auto foreign = contract::txt("_acme-challenge.example.com", "example.com", "x");
  CHECK(error_of([&] { provider->add(foreign, {}); }).fault() == Fault::config);
  const auto outside = contract::txt("_acme-challenge.example.com", kZone, "x");
  CHECK(error_of([&] { provider->add(outside, {}); }).fault() == Fault::denied);
  write_text(site / "other.key", "another-key\n", 0600);
  const base::Error refused = error_of([&] { opened(site / "other.key")->add(contract::txt(kName, kZone, "x"), {}); });
  CHECK(refused.fault() == Fault::denied);
  CHECK_FALSE(contains(refused.text(), "another-key"));
}

TEST_CASE("BIND keeps several values at a name, and says what is wrong") {
  const Site site{Site::Ca::none};
  const Named server(site, {{kZone, {{}, true}}, {"fixed.test", {{}, false}}});
  const auto opened = [&](const std::string& key_file) {
    return open("rfc2136", {{"server", option(server.endpoint())}, {"tsig_key_file", option(key_file)}});
  };
  const auto provider = opened(server.key_file());
  const contract::DnsPlace place{
      .values =
          [&](const std::string& name) {
            contract::Values values;
            for (const std::string& line : base::split(server.txt(name), '\n'))
              if (line.size() > 2) values.push_back(line.substr(1, line.size() - 2));
            std::ranges::sort(values);
            return values;
          },
      .put = [&](const std::string& name,
                 const std::string& value) { server.update("update add " + name + ". 1 TXT " + value); }};
  for (const std::string& name : {kName, "_acme-challenge." + kZone, kZone})
    contract::keeps_values(*provider, place, name, kZone);

  const auto at = [](const std::string& zone) { return contract::txt("_acme-challenge." + zone, zone, "x"); };
  CHECK(error_of([&] { provider->add(at("example.com"), {}); }).fault() == Fault::config);
  CHECK(error_of([&] { provider->add(at("fixed.test"), {}); }).fault() == Fault::denied);
  const auto outside = contract::txt("_acme-challenge.example.com", kZone, "x");
  CHECK(error_of([&] { provider->add(outside, {}); }).fault() == Fault::config);
  write_text(site / "other.key", "key \"other\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n", 0600);
  const base::Error refused = error_of([&] { opened(site / "other.key")->add(at(kZone), {}); });
  CHECK(refused.fault() == Fault::denied);
  CHECK_FALSE(contains(refused.text(), "c2VjcmV0"));
  const auto nobody = open("rfc2136", {{"server", option("127.0.0.1:" + std::to_string(free_port()))},
                                       {"tsig_key_file", option(server.key_file())}});
  CHECK(error_of([&] { nobody->add(at(kZone), {}); }).fault() == Fault::unreachable);
}

TEST_CASE("PowerDNS answers the challenges of a wildcard and its base name, and its secondary follows at once") {
  const auto program = pebble_or_skip(PebbleNeed::any);
  if (!program) return;
  const Site own{Site::Ca::none};
  const PowerDns server(own, {kZone}, PowerDns::Secondary::one);
  const AcmeSite acme(*program, {.dns_server = server.endpoint()});
  server.put(kZone, "_acme-challenge." + kZone, "of-another");
  // Both servers must show the records; a secondary that nobody tells looks for changes once a minute.
  acme.configure(
      "", fmt::format("[challenge.pdns]\ntype = \"dns-01\"\nzones = \"{}\"\nprovider = \"powerdns\"\napi = \"{}\"\n"
                      "key_file = \"{}\"\nresolvers = \"{}\"\nserver_port = {}\npropagation_timeout = \"20s\"\n",
                      kZone, server.api_url(), server.key_file(), server.endpoint(), server.port()));
  const base::Exit issued =
      acme.site.everseal({"issue", "-v", "-v", "--issuer", "pebble", "-d", kZone, "-d", "*." + kZone, "--as", "wild"});
  require_status(issued, 0);
  CHECK_FALSE(contains(issued.output + issued.errors, std::string(base::trim(read_text(server.key_file())))));
  CHECK(acme.pebble.certificates_issued() == 1);
  CHECK(server.txt("_acme-challenge." + kZone) == contract::Values{"of-another"});
}
