#include "base/error.h"
#include "challenge/account_label.h"
#include "challenge/challenge.h"
#include "challenge/persistent_record.h"
#include "challenge/validation_certificate.h"
#include "net/http_client.h"
#include "pki/key.h"

#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace {

using namespace everseal;
using acme::Authorization;
using challenge::Coverage;
using challenge::Method;

Method method(std::string type, std::vector<std::string> zones, const base::Table& table = {}) {
  Method method;
  method.type = std::move(type);
  method.zones = std::move(zones);
  base::Problems problems;
  method.options = base::Options::validate(table, challenge::find_kind(method.type)->options, {}, {}, {}, problems);
  REQUIRE(problems.empty());
  return method;
}

Authorization authorization(const std::string& name, const std::vector<std::string>& types, bool wildcard = false) {
  Authorization it{.url = "https://ca/z", .identifier = pki::Identifier::parse(name), .wildcard = wildcard};
  for (const std::string& type : types) {
    acme::Challenge challenge;
    challenge.type = type;
    challenge.url = "https://ca/c";
    challenge.token = "token-" + type;
    it.challenges.push_back(challenge);
  }
  return it;
}

// A responder that serves nothing and remembers what it was to serve.
class Recorder final : public challenge::Responder {
 public:
  std::unique_ptr<Hold> serve_http(const std::string&, std::uint16_t port, const std::string& token,
                                   const std::string&) override {
    return note(fmt::format("http {} {}", port, token));
  }
  std::unique_ptr<Hold> serve_tls_alpn(const std::string&, std::uint16_t port, const pki::Identifier& identifier,
                                       const std::string&) override {
    return note(fmt::format("tls {} {}", port, identifier.text()));
  }
  std::vector<std::string> served;
  int held = 0;

 private:
  struct Counted final : Hold {
    explicit Counted(int& count) : count_(count) { ++count_; }
    ~Counted() override { --count_; }
    int& count_;
  };
  std::unique_ptr<Hold> note(std::string text) {
    served.push_back(std::move(text));
    return std::make_unique<Counted>(held);
  }
};

acme::Account account() { return {pki::PrivateKey::generate(pki::KeyType::ecdsa_p256), "https://ca/acct/1"}; }

}  // namespace

TEST_SUITE("challenges") {
  TEST_CASE("the longest zone chooses, then the order; what the CA does not offer is passed over") {
    const auto port = [](int number) { return base::Table{{"port", base::Value{std::int64_t{number}, {}}}}; };
    const std::vector<Method> methods{method("http-01", {"example.org"}, port(1)),
                                      method("tls-alpn-01", {"www.example.org"}, port(2)),
                                      method("http-01", {}, port(3)), method("tls-alpn-01", {}, port(4))};
    struct Row {
      Authorization wanted;
      std::string served;
    };
    const std::vector<std::string> both{"tls-alpn-01", "http-01"};
    const Row rows[] = {
        {authorization("example.org", both), "http 1 token-http-01"},
        {authorization("a.example.org", both), "http 1 token-http-01"},
        {authorization("www.example.org", both), "tls 2 www.example.org"},
        {authorization("b.www.example.org", both), "tls 2 b.www.example.org"},
        {authorization("badexample.org", both), "http 3 token-http-01"},
        {authorization("example.net", {"tls-alpn-01"}), "tls 4 example.net"},
        {authorization("www.example.org", {"http-01"}), "http 1 token-http-01"},
        {authorization("192.0.2.1", {"never-heard-of", "tls-alpn-01"}), "tls 4 192.0.2.1"},
    };
    for (const Row& row : rows) {
      CAPTURE(row.wanted.identifier.text());
      Recorder recorder;
      const auto solver = challenge::make_solver(methods, recorder);
      const auto chosen = solver->present({&row.wanted, 1}, account(), {});
      REQUIRE(chosen.size() == 1);
      CHECK(recorder.served == std::vector<std::string>{row.served});
      CHECK(recorder.held == 1);
      CHECK(solver->clean_up().empty());
      CHECK(recorder.held == 0);
    }
  }

  TEST_CASE("where nothing fits, both sides are named") {
    const std::vector<Method> methods{method("http-01", {})};
    Recorder recorder;
    const auto solver = challenge::make_solver(methods, recorder);
    const auto refused = [&](const Authorization& wanted) -> std::string {
      try {
        solver->present({&wanted, 1}, account(), {});
        return "chosen";
      } catch (const base::Error& error) {
        return error.message();
      }
    };
    CHECK(refused(authorization("example.org", {"dns-01", "http-01"}, true)) ==
          "nothing here can prove *.example.org: the CA offers dns-01, http-01, configured is http-01");
    CHECK(refused(authorization("example.org", {"dns-01"})) ==
          "nothing here can prove example.org: the CA offers dns-01, configured is http-01");
    Authorization done = authorization("example.org", {"http-01"});
    done.challenges[0].status = acme::ChallengeStatus::invalid;
    CHECK(refused(done) == "nothing here can prove example.org: the CA offers http-01, configured is http-01");
    CHECK(recorder.served.empty());
  }

  TEST_CASE("answers are served side by side until the last is taken back, and nothing else is") {
    const auto responder = challenge::make_stand_alone_responder();
    std::uint16_t port = 20'000;
    std::unique_ptr<challenge::Responder::Hold> first;
    while (!first) {
      try {
        first = responder->serve_http("127.0.0.1", port, "one", "one.answer");
      } catch (const base::Error&) {
        ++port;
      }
    }
    net::HttpClient client({.ca_file = {}, .proxy = {}, .schemes = net::Schemes::http_too});
    const auto get = [&](const std::string& path) {
      return client.send({.url = fmt::format("http://127.0.0.1:{}{}", port, path)});
    };
    auto second = responder->serve_http("127.0.0.1", port, "two", "two.answer");
    CHECK(get("/.well-known/acme-challenge/one").body == "one.answer");
    CHECK(get("/.well-known/acme-challenge/two").body == "two.answer");
    for (const char* const path : {"/", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/three", "/one",
                                   "/.well-known/acme-challenge/one?x", "/.well-known/acme-challenge//one"})
      CHECK_MESSAGE(get(path).status == 404, path);
    CHECK(
        client.send({.method = "POST", .url = fmt::format("http://127.0.0.1:{}/.well-known/acme-challenge/one", port)})
            .status == 404);
    first.reset();
    CHECK(get("/.well-known/acme-challenge/one").status == 404);
    second.reset();
    CHECK_THROWS_AS(get("/.well-known/acme-challenge/two"), base::Error);
    CHECK(responder->serve_http("127.0.0.1", port, "again", "x") != nullptr);
  }

  TEST_CASE("many orders share one port") {
    const auto responder = challenge::make_stand_alone_responder();
    const auto keep = responder->serve_http("127.0.0.1", 0, "keep", "x");
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&, i] {
        for (int k = 0; k < 50; ++k)
          static_cast<void>(responder->serve_http("127.0.0.1", 0, fmt::format("t{}-{}", i, k), "x"));
      });
  }

  TEST_CASE("a port that is taken is told with what to do") {
    const auto mine = challenge::make_stand_alone_responder(), other = challenge::make_stand_alone_responder();
    std::uint16_t port = 21'000;
    std::unique_ptr<challenge::Responder::Hold> hold;
    while (!hold) {
      try {
        hold = mine->serve_http("127.0.0.1", port, "t", "x");
      } catch (const base::Error&) {
        ++port;
      }
    }
    try {
      static_cast<void>(other->serve_http("127.0.0.1", port, "t", "x"));
      FAIL("taken twice");
    } catch (const base::Error& error) {
      CHECK(error.message() == fmt::format("cannot listen on 127.0.0.1 port {}: address already in use", port));
      CHECK(error.hint() == "another program listens there; `ss -ltnp` shows which");
    }
  }

  TEST_CASE("the record of dns-persist-01 is written and understood") {
    const std::vector<std::string> issuers{"ca.example", "other.example"};
    const std::string url = "https://ca.example/acct/1";
    const auto now = base::from_unix(1'800'000'000);
    CHECK(challenge::persistent_record("ca.example", url, Coverage::name) ==
          "ca.example; accounturi=https://ca.example/acct/1");
    CHECK(challenge::persistent_record("ca.example", url, Coverage::name_and_below) ==
          "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard");
    struct Row {
      std::string record;
      Coverage coverage;
      bool permitted;
    };
    const Row rows[] = {
        {"ca.example; accounturi=" + url, Coverage::name, true},
        {"CA.Example. ;accounturi=" + url + "; policy=wildcard", Coverage::name_and_below, true},
        {"other.example; accounturi=" + url + "; persistUntil=1800000001", Coverage::name, true},
        {"ca.example; accounturi=" + url, Coverage::name_and_below, false},
        {"ca.example; accounturi=" + url + "; persistUntil=1799999999", Coverage::name, false},
        {"ca.example; accounturi=" + url + "; persistUntil=soon", Coverage::name, false},
        {"ca.example; accounturi=" + url + "; accounturi=" + url, Coverage::name, false},
        {"ca.example; accounturi=https://ca.example/acct/2", Coverage::name, false},
        {"evil.example; accounturi=" + url, Coverage::name, false},
        {"ca.example", Coverage::name, false},
        {"ca.example; nonsense", Coverage::name, false},
        {"", Coverage::name, false},
    };
    for (const Row& row : rows) {
      CAPTURE(row.record);
      CHECK(challenge::permits(row.record, issuers, url, row.coverage, now) == row.permitted);
    }
  }

  TEST_CASE("an address is asked for by its reverse name") {
    CHECK(challenge::server_name_of(pki::Identifier::parse("www.example.org")) == "www.example.org");
    CHECK(challenge::server_name_of(pki::Identifier::parse("192.0.2.1")) == "1.2.0.192.in-addr.arpa");
    CHECK(challenge::server_name_of(pki::Identifier::parse("2001:db8::1")) ==
          "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  }

  TEST_CASE("an account has a label of its own") {
    const std::string label = challenge::account_label("https://example.com/acme/acct/ExampleAccount");
    CHECK(label == "_ujmmovf2vn55tgye");  // draft-ietf-acme-dns-account-label, section 3.1
  }

  TEST_CASE("the certificate of tls-alpn-01 holds one name and the digest") {
    const auto made =
        challenge::make_validation_certificate(pki::Identifier::parse("www.example.org"), "a.b", base::wall_clock());
    CHECK(made.certificate.names().size() == 1);
    CHECK(made.certificate.public_key_info() == made.key.public_key_info());
    const base::Bytes& der = made.certificate.der();
    const std::string hex = base::hex(der);
    // OID 1.3.6.1.5.5.7.1.31, TRUE, OCTET STRING of an OCTET STRING of 32 octets.
    CHECK(hex.find("06082b0601050507011f0101ff04220420" + base::hex(pki::sha256(base::as_bytes("a.b")))) !=
          std::string::npos);
  }
}
