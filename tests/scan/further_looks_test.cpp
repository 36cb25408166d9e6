// Once a day an audit asks each endpoint for more than one handshake shows.
#include "scan/further_looks.h"

#include "scan/bench.h"

#include <set>

namespace everseal::scan {
namespace {

bool is_of_further_look(const std::string& rule) {
  const audit::Rule* const known = audit::find_rule(rule);
  return known != nullptr && known->needs == audit::Needs::further;
}

// But for the one that depends on the library which the servers of the tests have.
Texts of_further_looks(const report::AuditedPlace& place) {
  Texts rules;
  for (const auto& one : place.findings)
    if (is_of_further_look(one.finding.rule) && one.finding.rule != "no-post-quantum")
      rules.push_back(one.finding.rule);
  return rules;
}

}  // namespace

TEST_CASE("each endpoint has a time of the day at which it is due, whatever the audits' rhythm") {
  const base::Time midnight = base::from_unix(1'795'046'400);
  std::set<int> hours;
  for (int i = 0; i < 500; ++i) {
    const std::string name = fmt::format("host{}.example.org:443", i);
    CAPTURE(name);
    FurtherLooks looks{.last = {}, .first = midnight};
    CHECK_FALSE(is_further_look_due(name, {}, midnight));  // was never looked at
    int count = 0;
    for (int hour = 1; hour <= 3 * 24; ++hour) {
      const base::Time now = midnight + hour * kHour;
      if (!is_further_look_due(name, looks, now)) continue;
      looks.last = now;
      ++count;
      hours.insert(hour % 24);
    }
    CHECK(count == 3);
    // A cron job that comes some seconds earlier than yesterday looks, too.
    int daily = 0;
    FurtherLooks once{.last = {}, .first = midnight};
    for (int day = 1; day <= 10; ++day) {
      const base::Time now = midnight + day * 24 * kHour - base::Seconds{day};
      if (is_further_look_due(name, once, now)) ++daily, once.last = now;
    }
    CHECK(daily >= 9);
  }
  CHECK(hours.size() == 24);
}

TEST_CASE("what a further look found stays told and open until the next one says otherwise") {
  Bench bench;
  bench.request.further = AuditRequest::Further::daily;
  ChainServer server;
  server.show(bench.chain("www.example.org"), bench.key, ChainServer::Sessions::forgotten);
  bench.want(server, "www.example.org");
  auto result = bench.run();
  REQUIRE(result.places.size() == 1);
  CHECK(of_further_looks(result.places[0]) == Texts{"no-resumption"});
  CHECK(result.places[0].offer);
  const auto place = bench.place_of(server, "www.example.org");
  const auto open = [&] {
    Texts rules;
    for (const auto& finding : inventory::Findings(bench.store).open_at(place.id))
      if (finding.rule != "no-post-quantum") rules.push_back(finding.rule);
    return rules;
  };
  CHECK(open() == Texts{"no-resumption"});
  const base::Time first = bench.now;

  // It is mended, and nobody asks within the day.
  server.show(bench.chain("www.example.org"), bench.key);
  int further = 0;
  for (int hour = 1; hour <= 24 && further == 0; ++hour) {
    bench.now = first + hour * kHour;
    result = bench.run();
    further += result.places.at(0).offer ? 1 : 0;
    if (further > 0) break;
    CHECK(of_further_looks(result.places.at(0)) == Texts{"no-resumption"});
    for (const auto& one : result.places[0].findings) CHECK(one.since == first);
    CHECK(open() == Texts{"no-resumption"});
  }
  CHECK(further == 1);
  CHECK(of_further_looks(result.places.at(0)).empty());
  CHECK(open().empty());
}

TEST_CASE("a fleet that is new is not looked at further all at once, and is within a day") {
  Bench bench;
  bench.request.further = AuditRequest::Further::daily;
  ChainServer server;
  server.show(bench.chain("www.example.org"), bench.key);
  // The same listener by so many names that they are no few.
  for (int i = 0; i < 120; ++i) bench.want(server, fmt::format("n{}.example.org", i));
  bench.request.limits.in_flight_per_host = 4;
  std::set<std::string> asked;
  std::size_t most = 0;
  for (int quarter = 0; quarter <= 4; ++quarter) {
    const auto result = bench.run();
    std::size_t now = 0;
    for (const auto& place : result.places)
      if (place.offer) {
        ++now;
        CHECK_MESSAGE(asked.insert(place.place.text()).second, place.place.text());
      }
    CHECK((quarter > 0 || now == 0));
    most = std::max(most, now);
    bench.now += 6 * kHour;
  }
  CHECK(asked.size() == 120);
  CHECK(most < 60);
}

TEST_CASE("a listener that has one key is asked for one of the other family daily, one that has two at each look") {
  Bench bench;
  bench.request.further = AuditRequest::Further::daily;
  const pki::PrivateKey& rsa = t::key_of(pki::KeyType::rsa_2048, 3);
  const auto beside = bench.chain("www.example.org", 70 * t::kDay, rsa);
  const auto chain = bench.chain("www.example.org");
  ChainServer server;
  server.show(chain, bench.key);
  bench.want(server, "www.example.org");
  const auto look = [&] {
    const int before = server.connections();
    const auto result = bench.run();
    REQUIRE(result.places.size() == 1);
    const auto& certificates = result.places[0].certificates;
    struct Seen {
      bool is_further, has_both;
      int connections;
    };
    return Seen{.is_further = result.places[0].offer.has_value(),
                .has_both = std::ranges::any_of(
                    certificates, [&](const auto& one) { return one.fingerprint == beside.front().fingerprint(); }),
                .connections = server.connections() - before};
  };
  CHECK(look().is_further);
  // Until just behind its time of the day.
  do {
    bench.now += kHour;
  } while (!look().is_further);

  SUBCASE("one that is added is found within a day, and looked at from then on") {
    server.show(chain, bench.key, beside, rsa);
    int plain = 0;
    bool found = false;
    for (int hour = 1; hour <= 25 && !found; ++hour) {
      bench.now += kHour;
      const auto seen = look();
      CHECK(seen.has_both == seen.is_further);
      CHECK((seen.is_further || seen.connections == 1));
      plain += seen.is_further ? 0 : 1;
      found = seen.has_both;
    }
    CHECK(found);
    CHECK(plain > 0);
    for (int hour = 0; hour < 3; ++hour) {
      bench.now += kHour;
      const auto seen = look();
      CHECK(seen.has_both);
      CHECK(seen.connections == 2);
    }
    // One look that misses it is not the end of that.
    server.show(chain, bench.key);
    bench.now += kHour;
    CHECK_FALSE(look().has_both);
    server.show(chain, bench.key, beside, rsa);
    bench.now += kHour;
    CHECK(look().has_both);
  }
  SUBCASE("another leaf is a reason to ask") {
    server.show(bench.chain("www.example.org", 85 * t::kDay), bench.key, beside, rsa);
    bench.now += kHour;
    const auto seen = look();
    CHECK_FALSE(seen.is_further);
    CHECK(seen.has_both);
  }
  SUBCASE("who could not be looked at is asked again") {
    server.refuse();
    bench.now += kHour;
    CHECK_FALSE(look().has_both);
    server.show(chain, bench.key, beside, rsa);
    bench.now += kHour;
    CHECK(look().has_both);
  }
}

}  // namespace everseal::scan
