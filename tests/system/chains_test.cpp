// Chains in the shape that public CAs have now: a root that few clients hold yet, cross-signed by two older ones.
#include "system/mint.h"
#include "system/server.h"

#include <map>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

struct Generation {
  using Authority = pki::testing::Authority;

  Authority first = pki::testing::make_root(pki::KeyType::ecdsa_p256, 21, "Old First");
  Authority second = pki::testing::make_root(pki::KeyType::ecdsa_p384, 22, "Old Second");
  Authority root = pki::testing::make_root(pki::KeyType::ecdsa_p384, 23, "Young");
  Authority issuing = pki::testing::make_intermediate(root, pki::KeyType::ecdsa_p256, 24, "Young 1");

  // The young root's name and key, vouched for by an older one.
  pki::Certificate cross(const Authority& older, base::Seconds left) const {
    pki::Template wanted = pki::testing::ca_template("Young", root.key);
    wanted.not_after = pki::testing::kNow + left;
    wanted.not_before = wanted.not_after - 1000 * pki::testing::kDay;
    return pki::testing::issue(wanted, older);
  }
};

}  // namespace

TEST_CASE("a chain is whole where each store has its way, and a shorter one names the store that it fails in") {
  const Site site;
  const Mint mint(site);
  const Generation young;
  constexpr base::Seconds kLong = 900 * pki::testing::kDay;
  const pki::Certificate leaf = pki::testing::issue(mint.wanted(), young.issuing);
  const pki::Certificate& issuing = young.issuing.certificate;
  const pki::Certificate by_first = young.cross(young.first, kLong), by_second = young.cross(young.second, kLong),
                         by_second_ended = young.cross(young.second, -pki::testing::kDay);
  const auto store = [&](const std::string& name, const pki::Certificate& anchor) {
    write_text(site / name, anchor.pem());
    return site / name;
  };
  const std::string first = store("first.pem", young.first.certificate);
  const std::string second = store("second.pem", young.second.certificate);
  const std::string own = store("young.pem", young.root.certificate);

  struct Row {
    std::string name;
    std::vector<pki::Certificate> chain;
    std::string environment;  // which stores are asked beside the system's, which has the first root
    std::set<std::string> rules;
    std::string says = {};
  };
  const Row rows[] = {
      {"full", {leaf, issuing, by_first, by_second}, "all", {}},
      {"full-apart", {leaf, issuing, by_second, by_first}, "all", {}},
      {"without-second", {leaf, issuing, by_first}, "all", {"untrusted-by-some warning"}, second},
      {"without-second-unasked", {leaf, issuing, by_first}, "some", {}},
      {"without-any", {leaf, issuing}, "all", {"untrusted error"}, "system"},
      {"issuing-too", {leaf}, "all", {"chain-incomplete error"}},
      {"ended-unused", {leaf, issuing, by_first, by_second_ended}, "some", {"cross-sign-expired notice"}},
      {"ended-used", {leaf, issuing, by_first, by_second_ended}, "all", {"untrusted-by-some warning"}, second},
  };
  std::vector<NginxServer> servers;
  for (const Row& row : rows) servers.push_back({mint.serve(row.name, row.chain), {}});
  const Nginx nginx(site, "chains", servers);
  std::string tables = fmt::format(
      "[environment.all]\nfurther_trust = [\"{0}\", \"{1}\", \"{2}\"]\n[environment.some]\nfurther_trust = [\"{0}\", "
      "\"{2}\"]\n",
      first, second, own);
  std::map<std::string, const Row*> by_place;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    tables += fmt::format("[endpoint.{}]\ntargets = [\"{}\"]\nsni = \"{}\"\nenvironment = \"{}\"\n", rows[i].name,
                          nginx.endpoint(i), kServed, rows[i].environment);
    by_place[fmt::format("{} as {}", nginx.endpoint(i), kServed)] = &rows[i];
  }
  site.configure(tables);
  const base::Exit exit = site.everseal({"audit", "--json"}, {.environment = {{"SSL_CERT_FILE", first}}});
  const Json report = Json::parse(exit.output, nullptr, false);
  REQUIRE_MESSAGE(report.is_object(), transcript(exit));
  REQUIRE(report["places"].size() == std::size(rows));
  for (const Json& place : report["places"]) {
    const auto found = by_place.find(place["name"].get<std::string>());
    REQUIRE_MESSAGE(found != by_place.end(), place["name"].dump());
    const Row& row = *found->second;
    CAPTURE(row.name);
    std::set<std::string> rules;
    std::string said;
    for (const Json& finding : place["findings"]) {
      // Of the server's library, not of its chain.
      if (finding["rule"] == "no-post-quantum") continue;
      rules.insert(finding["rule"].get<std::string>() + " " + finding["severity"].get<std::string>());
      said += finding["what"].get<std::string>();
    }
    CHECK_MESSAGE(rules == row.rules, place["findings"].dump());
    CHECK_MESSAGE(contains(said, row.says), said);
  }
}
