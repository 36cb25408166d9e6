// CRLs of servers on loopback: fetched once, kept, and told of once where they cannot be had.
#include "scan/revocations.h"

#include "fakes/temporary_directory.h"
#include "pki/crl.h"
#include "pki/issued.h"
#include "pki/trust.h"
#include "probe/server.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::scan {
namespace {

namespace t = pki::testing;
using State = pki::RevocationStatus::State;
using std::chrono::steady_clock;

// Gives what it was told to give at each path, 404 elsewhere.
class CrlServer {
 public:
  CrlServer() : server_([this](int connection) { serve(connection); }) {}

  void give(const std::string& path, base::Bytes octets) {
    const std::scoped_lock lock(mutex_);
    files_[path] = std::string(octets.begin(), octets.end());
  }
  std::string url(const std::string& path, const std::string& host = "127.0.0.1") const {
    return fmt::format("http://{}:{}{}", host, server_.port(), path);
  }
  int asked() const { return asked_; }

 private:
  void serve(int connection) {
    ++asked_;
    const std::string line = test::hear(connection);
    while (!test::hear(connection).empty()) {
    }
    const auto begin = line.find(' ') + 1;
    const std::scoped_lock lock(mutex_);
    const auto file = files_.find(line.substr(begin, line.rfind(' ') - begin));
    const std::string& body = file == files_.end() ? std::string() : file->second;
    test::say(connection, fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                                      file == files_.end() ? "404 Not Found" : "200 OK", body.size()) +
                              body);
  }

  std::mutex mutex_;
  std::map<std::string, std::string> files_;
  std::atomic<int> asked_{0};
  test::Server server_;
};

struct CrlBench {
  fakes::TemporaryDirectory directory;
  t::Authority root = t::make_root();
  t::Authority issuing = t::make_intermediate(root);
  const pki::PrivateKey& key = t::key_of(pki::KeyType::ecdsa_p256, 2);
  base::Time now = t::kNow;
  CrlSource source;

  CrlBench() { source.rules.allowed = {pki::NameConstraint::parse("127.0.0.0/8")}; }

  pki::Certificate leaf(std::vector<std::string> urls) const {
    pki::Template wanted = t::server_template("www.example.org", key);
    wanted.crl_urls = std::move(urls);
    return t::issue(wanted, issuing);
  }
  base::Bytes crl(std::vector<pki::RevokedEntry> entries, base::Seconds life = t::kDay) const {
    return pki::make_crl({1, t::kNow - t::kDay, t::kNow + life, std::move(entries)}, issuing.certificate, issuing.key);
  }
  audit::Sight sight(const pki::Certificate& leaf, bool trusted = true) const {
    audit::Sight seen;
    seen.place = "www.example.org:443";
    seen.chain = {leaf, issuing.certificate};
    std::vector<pki::TrustStore> stores;
    if (trusted) stores.push_back({"own", pki::StoreKind::own, {root.certificate}});
    seen.trust = pki::ChainJudge(std::move(stores), now).judge(seen.chain);
    return seen;
  }

  // What is known of the leaf once everything is there; `hosts` as they were left.
  std::optional<State> ask(const std::vector<pki::Certificate>& leaves) {
    Revocations revocations(source, now);
    std::optional<State> last;
    for (const pki::Certificate& one : leaves) {
      audit::Sight seen = sight(one);
      while (revocations.fill(seen)) {
        REQUIRE(revocations.wait(steady_clock::now() + std::chrono::seconds(20), {}));
        revocations.take_arrived();
      }
      const bool is_known = !seen.revocation.empty() && seen.revocation.front();
      last = is_known ? std::optional(seen.revocation.front()->state) : std::nullopt;
    }
    hosts = revocations.hosts();
    return last;
  }
  std::vector<CrlHost> hosts;
};

}  // namespace

TEST_CASE("a CRL is fetched once for all that name it, and tells of each") {
  CrlBench bench;
  CrlServer server;
  const pki::Certificate revoked = bench.leaf({server.url("/1.crl")}), good = bench.leaf({server.url("/1.crl")});
  server.give("/1.crl", bench.crl({{revoked.serial(), t::kNow - t::kDay, pki::RevocationReason::key_compromise}}));
  CHECK(bench.ask({good, revoked}) == State::revoked);
  CHECK(bench.ask({revoked, good}) == State::good);
  CHECK(server.asked() == 2);
  REQUIRE(bench.hosts.size() == 1);
  CHECK(bench.hosts[0].name == "127.0.0.1");
  CHECK(bench.hosts[0].problem.empty());
}

TEST_CASE("what a chain names is asked for only where clients accept the chain") {
  CrlBench bench;
  CrlServer server;
  Revocations revocations(bench.source, bench.now);
  audit::Sight stranger = bench.sight(bench.leaf({server.url("/1.crl")}), false);
  CHECK_FALSE(revocations.fill(stranger));
  audit::Sight silent = bench.sight(bench.leaf({}));
  CHECK_FALSE(revocations.fill(silent));
  audit::Sight odd = bench.sight(bench.leaf({"ldap://127.0.0.1/cn=crl", "file:///etc/passwd"}));
  CHECK_FALSE(revocations.fill(odd));
  CHECK(odd.revocation.front() == std::nullopt);
  audit::Sight stapled = bench.sight(bench.leaf({server.url("/1.crl")}));
  stapled.revocation = {pki::RevocationStatus{State::good, std::nullopt, {}}};
  CHECK_FALSE(revocations.fill(stapled));
  CHECK(revocations.hosts().empty());
  CHECK(server.asked() == 0);
}

TEST_CASE("a CRL that is no proof tells nothing, and its host is told once with what is wrong") {
  CrlBench bench;
  const t::Authority impostor = t::make_intermediate(bench.root, pki::KeyType::ecdsa_p256, 8);
  struct Row {
    const char* name;
    base::Bytes crl;
    const char* says;
  };
  const Row rows[] = {
      {"of another key",
       pki::make_crl({1, t::kNow - t::kDay, t::kNow + t::kDay, {}}, impostor.certificate, impostor.key),
       "not signed by the issuer"},
      {"over", bench.crl({}, -base::Seconds(1)), "ended"},
      {"no CRL", base::to_bytes("<html>"), "not a CRL"},
      {"nothing", {}, "not a CRL"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CrlServer server;
    server.give("/1.crl", row.crl);
    CHECK(bench.ask({bench.leaf({server.url("/1.crl")}), bench.leaf({server.url("/1.crl")})}) == std::nullopt);
    REQUIRE(bench.hosts.size() == 1);
    CHECK_MESSAGE(bench.hosts[0].problem.find(row.says) != std::string::npos, bench.hosts[0].problem);
    CHECK_FALSE(bench.hosts[0].is_refused);
    CHECK(server.asked() == 1);
  }
  CrlServer server;
  CHECK(bench.ask({bench.leaf({server.url("/2.crl")})}) == std::nullopt);
  CHECK(bench.hosts.at(0).problem.find("404") != std::string::npos);
}

TEST_CASE("of several URLs the next is tried") {
  CrlBench bench;
  CrlServer server;
  server.give("/2.crl", bench.crl({}));
  CHECK(bench.ask({bench.leaf({server.url("/1.crl"), server.url("/2.crl")})}) == State::good);
}

TEST_CASE("a host that is down is asked once, whatever number of CRLs it ought to give") {
  CrlBench bench;
  std::string closed;
  {
    const CrlServer server;
    closed = server.url("");
  }
  std::vector<pki::Certificate> leaves;
  for (int i = 0; i < 20; ++i) leaves.push_back(bench.leaf({fmt::format("{}/{}.crl", closed, i)}));
  CHECK(bench.ask(leaves) == std::nullopt);
  REQUIRE(bench.hosts.size() == 1);
  CHECK(bench.hosts[0].problem == "127.0.0.1 cannot be reached for its CRLs");

  bench.source.rules.limit = std::chrono::milliseconds(300);
  std::atomic<int> asked{0};
  const test::Server silent([&](int connection) {
    ++asked;
    test::hear_all(connection);
  });
  leaves.clear();
  for (int i = 0; i < 5; ++i) leaves.push_back(bench.leaf({fmt::format("http://127.0.0.1:{}/{}", silent.port(), i)}));
  CHECK(bench.ask(leaves) == std::nullopt);
  CHECK(bench.hosts.at(0).problem == "127.0.0.1 does not give its CRLs in time");
  CHECK(asked == 1);
}

TEST_CASE("an address inside is not fetched from unless the operator allows it") {
  CrlBench bench;
  CrlServer server;
  server.give("/1.crl", bench.crl({}));
  bench.source.rules.allowed.clear();
  for (const char* const host : {"127.0.0.1", "localhost"}) {
    CAPTURE(host);
    CHECK(bench.ask({bench.leaf({server.url("/1.crl", host)})}) == std::nullopt);
    REQUIRE(bench.hosts.size() == 1);
    CHECK(bench.hosts[0].is_refused);
    CHECK(bench.hosts[0].problem.find(host) == 0);
  }
  CHECK(server.asked() == 0);
}

TEST_CASE("the CRL of an issuer of this host is read where it lies, and asked for only where that is no use") {
  CrlBench bench;
  CrlServer server;
  const pki::Certificate leaf = bench.leaf({server.url("/1.crl")});
  server.give("/1.crl", bench.crl({}));
  const std::string file = bench.directory / "crl.der";
  bench.source.own[bench.issuing.certificate.spki_pin()] = file;
  const auto lies_there = [&](const base::Bytes& octets) {
    std::ofstream(file, std::ios::binary) << base::as_text(octets);
  };
  lies_there(bench.crl({{leaf.serial(), t::kNow}}));
  CHECK(bench.ask({leaf}) == State::revoked);
  CHECK(server.asked() == 0);
  CHECK(bench.hosts.empty());
  int asked = 0;
  for (const base::Bytes& useless : {base::to_bytes("garbage"), bench.crl({}, -base::Seconds(1))}) {
    lies_there(useless);
    CHECK(bench.ask({leaf}) == State::good);
    CHECK(server.asked() == ++asked);
  }
  std::filesystem::remove(file);
  CHECK(bench.ask({leaf}) == State::good);
  CHECK(server.asked() == ++asked);
}

TEST_CASE("a CRL is kept: asked for again after hours, and in force without its host until it ends") {
  CrlBench bench;
  bench.source.directory = bench.directory / "crls";
  pki::Certificate leaf = bench.leaf({});
  {
    CrlServer server;
    leaf = bench.leaf({server.url("/1.crl")});
    server.give("/1.crl", bench.crl({{leaf.serial(), t::kNow}}, 2 * t::kDay));
    CHECK(bench.ask({leaf}) == State::revoked);
    CHECK(bench.ask({leaf}) == State::revoked);
    CHECK(server.asked() == 1);
    bench.now += base::Seconds{5 * 3600};
    CHECK(bench.ask({leaf}) == State::revoked);
    CHECK(server.asked() == 2);
  }
  CHECK(bench.ask({leaf}) == State::revoked);
  CHECK_FALSE(bench.hosts.at(0).problem.empty());
  bench.now = t::kNow + 3 * t::kDay;
  CHECK(bench.ask({leaf}) == std::nullopt);
  // Of a former version, of somebody else, cut: as if it were not there.
  for (const auto& file : std::filesystem::directory_iterator(bench.source.directory))
    base::write_file(file.path().string(), base::to_bytes("not a CRL"));
  bench.now = t::kNow;
  CHECK(bench.ask({leaf}) == std::nullopt);
  bench.now = t::kNow + 40 * t::kDay;
  bench.ask({leaf});
  CHECK(std::filesystem::is_empty(bench.source.directory));
}

TEST_CASE("who stops does not wait for CRLs") {
  CrlBench bench;
  const test::Server silent([](int connection) { test::hear_all(connection); });
  const auto begin = steady_clock::now();
  {
    Revocations revocations(bench.source, bench.now);
    audit::Sight seen = bench.sight(bench.leaf({fmt::format("http://127.0.0.1:{}/", silent.port())}));
    CHECK(revocations.fill(seen));
    std::stop_source stop;
    stop.request_stop();
    CHECK_FALSE(revocations.wait(steady_clock::now() + std::chrono::seconds(60), stop.get_token()));
  }
  CHECK(steady_clock::now() - begin < std::chrono::seconds(5));
}

}  // namespace everseal::scan
