// Whole audits of servers on loopback: what is seen, remembered and told.
#include "scan/audit.h"

#include "fakes/dns_server.h"
#include "inventory/audit_runs.h"
#include "pki/crl.h"
#include "scan/bench.h"
#include "scan/difference.h"
#include "sql/query.h"

#include <atomic>
#include <fstream>

namespace everseal::scan {

TEST_CASE("a server with nothing wrong has no finding above notice, and one look each time") {
  Bench bench;
  ChainServer server;
  const auto chain = bench.chain("www.example.org");
  server.show(chain, bench.key);
  bench.want(server, "www.example.org", "prod");
  for (int look = 0; look < 2; ++look) {
    const auto result = bench.run();
    CHECK(result.outcome.looked == 1);
    CHECK(result.outcome.failed == 0);
    CHECK_FALSE(result.outcome.has(audit::Severity::warning));
    REQUIRE(result.places.size() == 1);
    const report::AuditedPlace& seen = result.places[0];
    CHECK(seen.probe.outcome == "complete");
    CHECK(seen.probe.tls_version == "TLSv1.3");
    CHECK(seen.probe.leaf == chain[0].fingerprint());
    CHECK(seen.probe.handshake);
    CHECK(seen.place.environment == "prod");
    REQUIRE(seen.certificates.size() == 2);
    CHECK(seen.certificates[0].names.raw() == "www.example.org");
    bench.now += base::Seconds{3600};
  }
  const auto place = bench.place_of(server, "www.example.org");
  CHECK(inventory::Places(bench.store).probes(place.id, 10).size() == 1);
  const auto shown = inventory::Places(bench.store).shown_at(place.id);
  REQUIRE(shown.size() == 2);
  CHECK(shown[0].certificate == chain[0].fingerprint());
}

TEST_CASE("a listener that holds a key of each kind is looked at for both") {
  Bench bench;
  ChainServer server;
  const pki::PrivateKey& rsa_key = t::key_of(pki::KeyType::rsa_2048, 1);
  const auto chain = bench.chain("www.example.org"), rsa = bench.chain("www.example.org", 2 * t::kDay, rsa_key);
  server.show(chain, bench.key, rsa, rsa_key);
  bench.want(server, "www.example.org");
  auto result = bench.run();
  REQUIRE(result.places.size() == 1);
  CHECK(result.places[0].probe.leaf == chain[0].fingerprint());
  CHECK(result.places[0].certificates.size() == 4);
  CHECK(rules_of(result.places[0]) == Texts{"expiring"});
  CHECK(result.together.empty());

  // What comes in the place of the one that is shown second is another certificate too.
  const base::Time before = bench.now + base::Seconds{1};
  bench.now += base::Seconds{3600};
  server.show(chain, bench.key, bench.chain("www.example.org", 40 * t::kDay, rsa_key), rsa_key);
  result = bench.run();
  CHECK(rules_of(result.places[0]).empty());
  const auto changed = differences(bench.store, {before, bench.now});
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].text().find("another certificate") != std::string::npos);
}

TEST_CASE("what is wrong is found, told, remembered, and closed when it is mended") {
  Bench bench;
  ChainServer server;
  server.show(bench.chain("other.example.org", 2 * t::kDay), bench.key);
  bench.want(server, "www.example.org");
  auto result = bench.run();
  REQUIRE(result.places.size() == 1);
  CHECK(rules_of(result.places[0]) == Texts{"expiring", "name-mismatch"});
  CHECK(result.outcome.has(audit::Severity::critical));
  const auto place = bench.place_of(server, "www.example.org");
  CHECK(inventory::Findings(bench.store).open_at(place.id).size() == 2);

  server.show(bench.chain("www.example.org"), bench.key);
  bench.now += base::Seconds{3600};
  result = bench.run();
  CHECK(rules_of(result.places[0]).empty());
  CHECK(inventory::Findings(bench.store).open_at(place.id).empty());
  int changed = 0;
  inventory::Findings(bench.store).each_changed(t::kNow, bench.now + t::kDay, bench.now, [&](const auto&) {
    ++changed;
  });
  CHECK(changed == 2);
}

TEST_CASE("who cannot be reached has its reason, loses nothing that was known, and is no finding about it") {
  Bench bench;
  std::string address;
  inventory::PlaceRecord place;
  {
    ChainServer server;
    server.show(bench.chain("www.example.org", 2 * t::kDay), bench.key);
    bench.want(server, "www.example.org");
    bench.run();
    place = bench.place_of(server, "www.example.org");
    address = server.address();
  }
  bench.now += base::Seconds{3600};
  const auto result = bench.run();
  CHECK(result.outcome.failed == 1);
  CHECK_FALSE(result.outcome.has(audit::Severity::notice));
  REQUIRE(result.places.size() == 1);
  CHECK(rules_of(result.places[0]) == Texts{"connection-refused"});
  CHECK(result.places[0].certificates.empty());
  CHECK_FALSE(result.places[0].probe.handshake);
  Texts open;
  for (const auto& finding : inventory::Findings(bench.store).open_at(place.id)) open.push_back(finding.rule);
  CHECK(open == Texts{"connection-refused", "expiring"});
  CHECK(inventory::Places(bench.store).shown_at(place.id).size() == 2);
}

TEST_CASE("a name that resolves again leaves no place behind that could not be looked at") {
  Bench bench;
  ChainServer server;
  server.show(bench.chain("localhost"), bench.key);
  probe::Target nowhere = probe::Target::parse(fmt::format("localhost:{}", server.port()));
  bench.request.endpoints = {wanted(nowhere, {.source = "config"})};
  bench.request.endpoints[0].target.host = "no-such-name.invalid";
  CHECK(rules_of(bench.run().places.at(0)) == Texts{"name-not-resolved"});
  bench.now += base::Seconds{3600};
  bench.request.endpoints[0].target.host = "localhost";
  bench.run();
  std::vector<std::string> there;
  inventory::Places(bench.store).each({}, [&](const auto& state) { there.push_back(state.place.address); });
  CHECK(std::ranges::find(there, std::string()) == there.end());
  CHECK(std::ranges::find(there, server.address()) != there.end());
}

TEST_CASE("a known finding is told as known and does not count") {
  Bench bench;
  ChainServer server;
  server.show(bench.chain("other.example.org"), bench.key);
  bench.want(server, "www.example.org");
  bench.run();
  inventory::AcknowledgementRecord known;
  known.rule = "name-mismatch";
  known.place = bench.place_of(server, "www.example.org").id;
  known.reason = "the load balancer asks for another name";
  known.created = bench.now;
  known.until = bench.now + 30 * t::kDay;
  inventory::Findings(bench.store).acknowledge(known);
  auto result = bench.run();
  CHECK(result.outcome.acknowledged == 1);
  CHECK_FALSE(result.outcome.has(audit::Severity::warning));
  REQUIRE(result.places[0].findings.size() == 1);
  REQUIRE(result.places[0].findings[0].acknowledgement);
  CHECK(result.places[0].findings[0].acknowledgement->reason == known.reason);
  bench.now = known.until;
  result = bench.run();
  CHECK(result.outcome.acknowledged == 0);
}

TEST_CASE("teams own what bears their names, managed certificates are recognised") {
  Bench bench;
  ChainServer server;
  server.show(bench.chain("shop.example.org"), bench.key);
  bench.want(server, "shop.example.org");
  bench.request.teams = {{"mail", [](const pki::Identifier& name) { return name.text() == "mail.example.org"; }},
                         {"web", [](const pki::Identifier& name) { return name.text().ends_with(".example.org"); }}};
  CHECK(bench.run().places.at(0).place.team == "web");
  bench.request.endpoints[0].team = "shop";
  CHECK(bench.run().places.at(0).place.team == "shop");
}

TEST_CASE("an audit that was stopped says what it did not reach, and is resumed with that") {
  Bench bench;
  std::vector<std::unique_ptr<ChainServer>> servers;
  for (int i = 0; i < 6; ++i) {
    servers.push_back(std::make_unique<ChainServer>());
    servers.back()->show(bench.chain("www.example.org"), bench.key);
    bench.want(*servers.back(), "www.example.org");
  }
  bench.request.limits.in_flight = 1;
  {
    config::Settings settings;
    settings.audit.trust = {};
    Standards standards(settings, {}, {.roots = {bench.root.certificate}}, bench.now);
    RecordingSink sink;
    int looks = 0;
    const AuditOutcome outcome = audit(
        bench.request, standards, &bench.store, sink, [&] { return bench.now; },
        [&](std::int64_t, std::int64_t) {
          if (++looks == 2) bench.stop.request_stop();
        },
        bench.stop.get_token());
    CHECK(outcome.looked >= 2);
    CHECK(outcome.looked < 6);
    CHECK(outcome.not_looked == 6 - outcome.looked);
  }
  bench.stop = std::stop_source();
  bench.now += base::Seconds{60};
  bench.request.begin = AuditRequest::Begin::where_the_last_stopped;
  const auto result = bench.run();
  CHECK(result.outcome.looked > 0);
  CHECK(result.outcome.looked < 6);
  CHECK(result.outcome.not_looked == 0);
  // Nothing is left to resume, so all of it is looked at.
  CHECK(bench.run().outcome.looked == 6);
}

TEST_CASE("files are places too: certificates are judged, the key's match is told, trouble is named") {
  Bench bench;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(bench.directory / name) << text;
  };
  const auto good = bench.chain("www.example.org");
  const auto soon = bench.chain("soon.example.org", 2 * t::kDay, t::key_of(pki::KeyType::ecdsa_p256, 3));
  const auto pem = [](const std::vector<pki::Certificate>& chain) {
    std::string text;
    for (const pki::Certificate& one : chain) text += one.pem();
    return text;
  };
  write("good.pem", pem(good));
  write("soon.pem", pem(soon));
  write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  write("notes.txt", "nothing to see\n");
  bench.request.paths = {bench.directory / "good.pem", bench.directory / "soon.pem", bench.directory / "broken.pem",
                         bench.directory / "notes.txt"};
  const auto result = bench.run();
  REQUIRE(result.places.size() == 3);
  CHECK(result.places[0].place.name.raw() == bench.directory / "broken.pem");
  CHECK(result.places[0].probe.outcome == "broken");
  CHECK(result.places[0].certificates.empty());
  CHECK(rules_of(result.places[0]) == Texts{"file-unreadable"});
  CHECK(rules_of(result.places[1]).empty());
  CHECK(rules_of(result.places[2]) == Texts{"expiring"});
  CHECK(result.places[2].probe.leaf == soon[0].fingerprint());
  CHECK(inventory::Places(bench.store).of(soon[0].fingerprint(), 10).size() == 1);
}

TEST_CASE("what only all places together tell is told, remembered, and over when it is mended") {
  Bench bench;
  ChainServer shop, mail, other;
  shop.show(bench.chain("shop.example.org"), bench.key);
  mail.show(bench.chain("mail.example.org"), bench.key);
  const pki::PrivateKey& other_key = t::key_of(pki::KeyType::ecdsa_p256, 3);
  other.show(bench.chain("other.example.org", 80 * t::kDay, other_key), other_key);
  bench.want(shop, "shop.example.org", "prod");
  bench.want(mail, "mail.example.org", "prod");
  bench.want(other, "other.example.org", "prod");
  const auto first = [&] {
    return std::min(bench.place_of(shop, "shop.example.org").text(), bench.place_of(mail, "mail.example.org").text());
  };
  const auto open = [&] {
    Texts all;
    inventory::Findings(bench.store).each_open(bench.now, [&](const inventory::PlacedFinding& one) {
      all.push_back(one.place.text() + " " + one.finding.rule);
    });
    return all;
  };

  auto result = bench.run();
  CHECK(result.places.size() == 3);
  REQUIRE(result.together.size() == 1);
  CHECK(result.together[0].place.text() == first());
  CHECK(result.together[0].place.environment == "prod");
  CHECK(rules_of(result.together[0]) == Texts{"key-reused"});
  CHECK(result.outcome.looked == 3);
  CHECK(result.outcome.has(audit::Severity::warning));
  CHECK(open() == Texts{first() + " key-reused"});

  SUBCASE("the next audit finds the same one") {
    bench.now += base::Seconds{3600};
    result = bench.run();
    REQUIRE(result.together.size() == 1);
    CHECK(result.together[0].findings[0].since == t::kNow);
    CHECK(open() == Texts{first() + " key-reused"});
  }
  SUBCASE("a look at one of them, or one that fails, ends nothing") {
    const auto all = bench.request.endpoints;
    for (std::size_t i = 0; i < all.size(); ++i) {
      bench.now += base::Seconds{3600};
      bench.request.endpoints = {all[i]};
      CHECK(bench.run().together.empty());
      CHECK(open() == Texts{first() + " key-reused"});
    }
    bench.request.endpoints = {all[0], all[1]};
    bench.request.endpoints[1].target.starttls = "smtp";
    bench.request.limits.starttls = std::chrono::milliseconds{100};
    bench.now += base::Seconds{3600};
    CHECK(bench.run().together.empty());
    const Texts still = open();
    CHECK(std::ranges::find(still, first() + " key-reused") != still.end());
  }
  SUBCASE("another key ends it, whichever audit sees that") {
    const auto all = bench.request.endpoints;
    const pki::PrivateKey& own = t::key_of(pki::KeyType::ecdsa_p256, 4);
    SUBCASE("one of all") {}
    SUBCASE("one of the first place alone") {
      bench.request.endpoints = {first().starts_with(shop.address()) ? all[0] : all[1]};
    }
    ChainServer& mended = first().starts_with(shop.address()) ? shop : mail;
    mended.show(bench.chain(&mended == &shop ? "shop.example.org" : "mail.example.org", 80 * t::kDay, own), own);
    bench.now += base::Seconds{3600};
    CHECK(bench.run().together.empty());
    CHECK(open().empty());
  }
  SUBCASE("an acknowledged one does not count") {
    inventory::AcknowledgementRecord known;
    known.rule = "key-reused";
    known.place = inventory::Places(bench.store).named(result.together[0].place.name.raw()).at(0).id;
    known.reason = "one appliance";
    known.created = bench.now;
    known.until = bench.now + 30 * t::kDay;
    inventory::Findings(bench.store).acknowledge(known);
    result = bench.run();
    REQUIRE(result.together.size() == 1);
    CHECK(result.together[0].findings[0].acknowledgement);
    CHECK_FALSE(result.outcome.has(audit::Severity::warning));
  }
}

TEST_CASE("two addresses of a name that show two certificates are a row each and one finding") {
  Bench bench;
  ChainServer one;
  ChainServer two(one, INADDR_LOOPBACK + 1);
  fakes::DnsServer dns([](const fakes::DnsQuestion& question) -> std::optional<fakes::DnsAnswer> {
    if (question.type != fakes::DnsType::a) return fakes::DnsAnswer{};
    return fakes::DnsAnswer{
        .answers = {fakes::a_record(question.name, "127.0.0.1"), fakes::a_record(question.name, "127.0.0.2")}};
  });
  bench.request.name_servers = {fmt::format("127.0.0.1:{}", dns.port())};
  for (Wanted& wanted : parse_targets(fmt::format("www.example.org:{}", one.port()), {.source = "config"}, 1))
    bench.request.endpoints.push_back(std::move(wanted));
  const auto old = bench.chain("www.example.org", 30 * t::kDay, t::key_of(pki::KeyType::ecdsa_p256, 3));
  const auto fresh = bench.chain("www.example.org");
  one.show(fresh, bench.key);
  two.show(old, t::key_of(pki::KeyType::ecdsa_p256, 3));
  for (int look = 0; look < 2; ++look) {
    const auto result = bench.run();
    REQUIRE(result.places.size() == 2);
    CHECK(result.places[0].probe.leaf == fresh[0].fingerprint());
    CHECK(result.places[1].probe.leaf == old[0].fingerprint());
    REQUIRE(result.together.size() == 1);
    CHECK(rules_of(result.together[0]) == Texts{"addresses-differ"});
    CHECK(result.together[0].place.address == fmt::format("127.0.0.1:{}", one.port()));
    bench.now += base::Seconds{3600};
  }
  CHECK(differences(bench.store, {t::kNow + base::Seconds{60}, bench.now}).empty());
  two.show(fresh, bench.key);
  const base::Time before = bench.now;
  CHECK(bench.run().together.empty());
  const auto changed = differences(bench.store, {before, bench.now});
  Texts over;
  for (const Difference& one_place : changed)
    for (const auto& finding : one_place.closed) over.push_back(finding.rule);
  CHECK(over == Texts{"addresses-differ"});
}

TEST_CASE("a state that takes nothing keeps nobody from looking, and it is said") {
  Bench bench;
  ChainServer server;
  server.show(bench.chain("www.example.org"), bench.key);
  bench.want(server, "www.example.org");
  sql::Query(bench.store.database(), "pragma query_only = 1")->execute();  // as a disk that is full
  const auto result = bench.run();
  CHECK(result.places.size() == 1);
  CHECK(result.outcome.looked == 1);
  CHECK(result.outcome.why_not_remembered != "");
}

TEST_CASE("without a state all is looked at and told, and nothing is remembered") {
  Bench bench;
  ChainServer server;
  server.show(bench.chain("www.example.org"), bench.key);
  bench.want(server, "www.example.org");
  const auto result = bench.run(false);
  CHECK(result.outcome.looked == 1);
  int places = 0;
  inventory::Places(bench.store).each({}, [&](const auto&) { ++places; });
  CHECK(places == 0);
}

TEST_CASE(
    "a served certificate that its CRL lists is revoked, and a host without CRLs is one finding until it has some") {
  Bench bench;
  std::string listed;
  std::atomic<bool> gives = true;
  const test::Server crls([&](int connection) {
    while (!test::hear(connection).empty()) {
    }
    if (gives)
      test::say(connection, fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", listed.size()) + listed);
  });
  pki::Template wanted = t::server_template("www.example.org", bench.key);
  wanted.crl_urls = {fmt::format("http://127.0.0.1:{}/1.crl", crls.port())};
  const pki::Certificate leaf = t::issue(wanted, bench.issuing);
  const base::Bytes crl = pki::make_crl({1, t::kNow - t::kDay, t::kNow + t::kDay, {{leaf.serial(), t::kNow}}},
                                        bench.issuing.certificate, bench.issuing.key);
  listed.assign(crl.begin(), crl.end());
  ChainServer servers[2];
  for (ChainServer& server : servers) {
    server.show({leaf, bench.issuing.certificate}, bench.key);
    bench.want(server, "www.example.org");
  }
  bench.request.crls = CrlSource{};
  bench.request.crls->rules.allowed = {pki::NameConstraint::parse("127.0.0.1/32")};
  auto result = bench.run();
  REQUIRE(result.places.size() == 2);
  for (const auto& place : result.places) CHECK(rules_of(place) == Texts{"revoked"});
  CHECK(result.outcome.findings[audit::Severity::critical] == 2);

  gives = false;
  bench.now += base::Seconds{60};
  result = bench.run();
  REQUIRE(result.places.size() == 3);
  CHECK(result.places[0].place.kind == PlaceKind::name);
  CHECK(result.places[0].place.text() == "127.0.0.1");
  CHECK(rules_of(result.places[0]) == Texts{"revocation-unknown"});
  CHECK(result.outcome.findings[audit::Severity::warning] == 1);
  CHECK(result.outcome.failed == 0);
  // Nobody says that it is good again, so it is not.
  const auto says_unasked = [&] {
    return std::ranges::count(result.outcome.remarks,
                              "2 revocations could not be asked about again, and stay open as found before");
  };
  CHECK(rules_of(result.places[1]) == Texts{"revoked"});
  CHECK(result.outcome.findings[audit::Severity::critical] == 2);
  CHECK(says_unasked() == 1);
  const auto served = bench.place_of(servers[0], "www.example.org");
  CHECK(inventory::Findings(bench.store).open_at(served.id).size() == 1);
  const auto host = inventory::Places(bench.store).find(PlaceKind::name, "127.0.0.1", "");
  REQUIRE(host);
  CHECK(inventory::Findings(bench.store).open_at(host->id).size() == 1);

  gives = true;
  bench.now += base::Seconds{60};
  result = bench.run();
  CHECK(result.places.size() == 2);
  CHECK(says_unasked() == 0);
  CHECK(inventory::Findings(bench.store).open_at(host->id).empty());

  bench.request.crls.reset();
  result = bench.run();
  for (const auto& place : result.places) CHECK(rules_of(place) == Texts{"revoked"});
  CHECK(says_unasked() == 1);
  CHECK(inventory::Findings(bench.store).open_at(served.id).size() == 1);
  for (ChainServer& server : servers) server.show(bench.chain("www.example.org"), bench.key);
  bench.now += base::Seconds{60};
  CHECK(rules_of(bench.run().places[0]) == Texts{});
  Texts open;
  for (const auto& finding : inventory::Findings(bench.store).open_at(served.id)) open.push_back(finding.rule);
  CHECK(open == Texts{});
}

TEST_CASE("what a peer said is escaped once, and an address is said once") {
  Bench bench;
  const test::Server server([](int connection) {
    test::say(connection, "\x1b[31m no TLS\r\n");
    test::hear_all(connection);
  });
  const std::string address = fmt::format("127.0.0.1:{}", server.port());
  for (const char* const name : {"", "www.example.org"})
    for (Wanted& one : parse_targets(address, {.sni = name}, 1)) bench.request.endpoints.push_back(std::move(one));
  const auto result = bench.run();
  REQUIRE(result.places.size() == 2);
  CHECK(result.places[0].place.text() == address);
  CHECK(result.places[1].place.text() == address + " as www.example.org");
  for (const auto& place : result.places) {
    REQUIRE(rules_of(place) == Texts{"not-tls"});
    CHECK(place.findings[0].finding.what == "the peer does not speak TLS here; it answered \"\\x1b[31m no TLS\"");
  }
}

}  // namespace everseal::scan
