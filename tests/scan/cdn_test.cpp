// A name whose addresses and certificates take turns: one place.
#include "fakes/dns_server.h"
#include "inventory/places.h"
#include "scan/bench.h"
#include "scan/difference.h"

#include <atomic>

namespace everseal::scan {
namespace {

// Four nodes; each audit is told of two of them. The even ones hold another key and certificate than the odd ones.
struct Cdn : Bench {
  ChainServer first;
  std::vector<std::unique_ptr<ChainServer>> more;
  std::atomic<int> turn{0};
  const pki::PrivateKey& other_key = t::key_of(pki::KeyType::ecdsa_p256, 3);
  fakes::DnsServer dns;

  Cdn() : dns([this](const fakes::DnsQuestion& question) { return answer(question); }) {
    for (std::uint32_t i = 1; i < 4; ++i) more.push_back(std::make_unique<ChainServer>(first, INADDR_LOOPBACK + i));
    request.name_servers = {fmt::format("127.0.0.1:{}", dns.port())};
    for (Wanted& wanted :
         parse_targets(fmt::format("cdn.example.org:{}", first.port()), {.source = "config", .any_address = true}, 1))
      request.endpoints.push_back(std::move(wanted));
    request.whole = {"config"};
    show_odd(chain("cdn.example.org"));
    show_even(chain("cdn.example.org", 85 * t::kDay, other_key));
  }
  std::optional<fakes::DnsAnswer> answer(const fakes::DnsQuestion& question) const {
    fakes::DnsAnswer answer;
    if (question.type == fakes::DnsType::a)
      for (int i = 0; i < 2; ++i)
        answer.answers.push_back(fakes::a_record(question.name, fmt::format("127.0.0.{}", 1 + (2 * turn + i) % 4)));
    return answer;
  }
  void show_odd(const std::vector<pki::Certificate>& chain) {
    first.show(chain, key);
    more[1]->show(chain, key);
  }
  void show_even(const std::vector<pki::Certificate>& chain) {
    more[0]->show(chain, other_key);
    more[2]->show(chain, other_key);
  }
  void show_everywhere(const std::vector<pki::Certificate>& chain) {
    first.show(chain, key);
    for (const auto& server : more) server->show(chain, key);
  }
  // What an audit so much later shows that is other than before.
  Texts changes(base::Seconds later = base::Seconds{3600}) {
    const base::Time before = now;
    now += later;
    turn = turn + 1;
    run();
    Texts lines;
    for (const Difference& one : differences(store, {before + base::Seconds{1}, now})) lines.push_back(one.text());
    return lines;
  }
};

}  // namespace

TEST_CASE("a CDN is one place, whose addresses are told and which is other only where a certificate is") {
  Cdn cdn;
  const auto result = cdn.run();
  REQUIRE(result.places.size() == 1);
  const report::AuditedPlace& place = result.places[0];
  CHECK(place.place.address.empty());
  CHECK(place.addresses ==
        Texts{fmt::format("127.0.0.1:{}", cdn.first.port()), fmt::format("127.0.0.2:{}", cdn.first.port())});
  REQUIRE(place.certificates.size() == 3);  // two leafs, the one that ends first before the other, and their issuer
  CHECK(place.certificates[0].not_after < place.certificates[1].not_after);
  CHECK(rules_of(place).empty());
  CHECK(result.together.empty());
  CHECK(cdn.changes() == Texts{});
  CHECK(cdn.changes() == Texts{});
  int places = 0;
  inventory::Places(cdn.store).each({.gone = true}, [&](const auto&) { ++places; });
  CHECK(places == 1);
  SUBCASE("one leaf that ends sooner is one line") {
    cdn.show_even(cdn.chain("cdn.example.org", 40 * t::kDay, cdn.other_key));
    const Texts lines = cdn.changes();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("ends sooner") != std::string::npos);
    CHECK(cdn.changes() == Texts{});
  }
  SUBCASE("a node that was not among the addresses is not missed, and comes back as itself") {
    cdn.turn = 0;
    const auto odd = cdn.chain("cdn.example.org");
    cdn.show_odd(odd);
    CHECK(cdn.changes().size() == 1);
    cdn.show_everywhere(odd);
    CHECK(cdn.changes() == Texts{});
  }
  SUBCASE("what one node's certificate breaks stays found while others answer, for a day") {
    const auto ending = cdn.chain("cdn.example.org", 10 * t::kDay, cdn.other_key);
    cdn.show_even(ending);
    CHECK(cdn.changes().size() == 1);
    const auto open = [&] {
      Texts rules;
      inventory::Findings(cdn.store).each_open(cdn.now, [&](const auto& one) { rules.push_back(one.finding.rule); });
      return rules;
    };
    CHECK(open() == Texts{"expiring"});
    cdn.show_odd(cdn.chain("cdn.example.org"));
    cdn.changes();
    cdn.show_everywhere(cdn.chain("cdn.example.org", 60 * t::kDay));
    cdn.changes();
    CHECK(open() == Texts{"expiring"});
    cdn.changes(24 * base::Seconds{3600});
    CHECK(open().empty());
  }
}

TEST_CASE("nodes of a CDN that disagree for a day are one finding, and agreement ends it") {
  Cdn cdn;
  CHECK(cdn.run().together.empty());
  CHECK(cdn.changes(23 * base::Seconds{3600}) == Texts{});
  CHECK(cdn.changes() == Texts{"found: addresses-differ"});
  CHECK(cdn.changes() == Texts{});
  cdn.show_everywhere(cdn.chain("cdn.example.org"));
  const Texts lines = cdn.changes();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("over: addresses-differ") != std::string::npos);
}

TEST_CASE("of a CDN's nodes those that answer count; where none does it is one failure") {
  Cdn cdn;
  cdn.more.erase(cdn.more.begin());  // 127.0.0.2
  auto result = cdn.run();
  REQUIRE(result.places.size() == 1);
  CHECK(rules_of(result.places[0]).empty());
  CHECK(result.outcome.failed == 0);
  cdn.request.endpoints[0].target.port = 9;
  result = cdn.run(false);
  REQUIRE(result.places.size() == 1);
  CHECK(rules_of(result.places[0]) == Texts{"connection-refused"});
}

}  // namespace everseal::scan
