// What stands in the way of a renewal, asked of resolvers that answer late, wrongly, or not at all.
#include "dns/observer.h"

#include "base/error.h"
#include "contains.h"
#include "error_of.h"
#include "fakes/dns_server.h"

#include <atomic>
#include <map>
#include <string>

#include <doctest/doctest.h>

using namespace everseal;
using namespace std::chrono_literals;
using base::Fault;
using dns::CaaRecords;
using dns::ChallengeRecords;
using dns::Validation;
using fakes::DnsAnswer;
using fakes::DnsQuestion;
using fakes::DnsRecord;
using fakes::DnsServer;
using fakes::DnsType;
using Code = DnsAnswer::Code;

namespace {

const std::string kHost = "www.example.org";
constexpr auto kAnswerPatience = 2s;
constexpr auto kShortPatience = 250ms;  // where nobody answers

// What a resolver knows, beside which it has the SOA of example.org alone.
using Zone = std::map<std::pair<std::string, DnsType>, std::vector<DnsRecord>>;

const DnsRecord kIssue = fakes::caa_record("example.org", "issue", "ca.test");

DnsAnswer answer_from(const Zone& zone, const DnsQuestion& question) {
  const auto found = zone.find({question.name, question.type});
  if (found != zone.end()) return {.answers = found->second};
  return {.code = Code::no_such_name, .authority = {fakes::soa_record("example.org")}};
}

DnsServer::Script knows(Zone zone) {
  return [zone = std::move(zone)](const DnsQuestion& question) { return std::optional(answer_from(zone, question)); };
}

DnsServer::Script says(DnsAnswer answer) {
  return [answer = std::move(answer)](const DnsQuestion&) { return std::optional(answer); };
}

std::optional<DnsAnswer> says_nothing(const DnsQuestion&) { return std::nullopt; }

dns::Observer observer_at(std::initializer_list<const DnsServer*> servers,
                          std::chrono::milliseconds patience = kAnswerPatience) {
  std::vector<dns::Server> resolvers;
  for (const DnsServer* const server : servers) resolvers.push_back({"127.0.0.1", server->port()});
  return dns::Observer(std::move(resolvers), patience);
}

dns::Observed observe(dns::Observer observer, ChallengeRecords challenge = ChallengeRecords::not_asked) {
  return observer.observe(kHost, challenge, CaaRecords::asked, {});
}

}  // namespace

TEST_SUITE("observer") {
  TEST_CASE("the CAA records that hold are those of the nearest name above that has any") {
    const DnsRecord nearer = fakes::caa_record(kHost, "issue", "near.test");
    const DnsRecord alias = fakes::cname_record(kHost, "host.example.net");
    const DnsRecord behind = fakes::caa_record("host.example.net", "Issue", "behind.test");
    struct Row {
      Zone zone;
      std::string at, value;
    };
    for (const Row& row : {
             Row{{{{"example.org", DnsType::caa}, {kIssue}}}, "example.org", "ca.test"},
             Row{{{{"example.org", DnsType::caa}, {kIssue}}, {{kHost, DnsType::caa}, {nearer}}}, kHost, "near.test"},
             Row{{{{"example.org", DnsType::caa}, {kIssue}}, {{kHost, DnsType::caa}, {alias, behind}}},
                 kHost,
                 "behind.test"},
             // Of whom nobody asked.
             Row{{{{"example.org", DnsType::caa}, {kIssue}}, {{kHost, DnsType::caa}, {behind}}},
                 "example.org",
                 "ca.test"},
             Row{{}, "", ""},
         }) {
      CAPTURE(row.value);
      const DnsServer server(knows(row.zone));
      const dns::Observed seen = observe(observer_at({&server}));
      REQUIRE(seen.caa);
      CHECK(seen.caa->at == row.at);
      CHECK(seen.caa->failed_at.empty());
      CHECK(seen.zone == "example.org");
      CHECK(seen.validation == Validation::insecure);
      REQUIRE(seen.caa->records.size() == (row.value.empty() ? 0 : 1));
      if (row.value.empty()) continue;
      CHECK(seen.caa->records.front().tag == "issue");
      CHECK(seen.caa->records.front().value == row.value);
    }
  }

  TEST_CASE("CAA records that are not asked for are absent, and those of a name above are asked for once") {
    std::atomic<int> questions = 0;
    const DnsServer server([&](const DnsQuestion& question) {
      if (question.type == DnsType::caa) ++questions;
      return std::optional(answer_from({{{"example.org", DnsType::caa}, {kIssue}}}, question));
    });
    dns::Observer observer = observer_at({&server});
    CHECK_FALSE(observer.observe(kHost, ChallengeRecords::not_asked, CaaRecords::not_asked, {}).caa);
    CHECK(questions == 0);
    for (const char* const name : {"www.example.org", "mail.example.org", "WWW.Example.org"})
      CHECK(observer.observe(name, ChallengeRecords::not_asked, CaaRecords::asked, {}).caa->at == "example.org");
    CHECK(questions == 3);
  }

  TEST_CASE("a resolver that validates tells what is secure, bogus or out of order") {
    struct Row {
      const char* what;
      DnsServer::Script script;
      Validation validation;
      bool has_validated;
    };
    const DnsAnswer fails{.code = Code::server_failure};
    for (const Row& row : {
             Row{"authentic", says({.answers = {fakes::a_record(kHost, "127.0.0.1")}, .is_authentic = true}),
                 Validation::secure, true},
             Row{"refused unless it is not to validate",
                 [&](const DnsQuestion& question) {
                   return std::optional(question.checking_disabled ? answer_from({}, question) : fails);
                 },
                 Validation::bogus, true},
             Row{"SERVFAIL to all", says(fails), Validation::failing, false},
             Row{"no word of it", knows({}), Validation::insecure, false},
         }) {
      CAPTURE(row.what);
      const DnsServer server(row.script);
      dns::Observer observer = observer_at({&server});
      const dns::Observed seen = observer.observe(kHost, ChallengeRecords::asked, CaaRecords::asked, {});
      CHECK(seen.validation == row.validation);
      CHECK(seen.challenge_validation == row.validation);
      CHECK(observer.has_validated() == row.has_validated);
      const bool refuses = row.validation == Validation::bogus || row.validation == Validation::failing;
      CHECK(seen.caa->failed_at == (refuses ? kHost : ""));
    }
  }

  TEST_CASE("a resolver that is of no use is passed over, and alone an error") {
    struct Row {
      const char* what;
      DnsServer::Script script;
    };
    for (const Row& row : {
             Row{"silent", says_nothing},
             Row{"lame", says({.code = Code::refused})},
             Row{"another ID", says({.code = Code::no_such_name, .id_changed_by = 1})},
             Row{"another question",
                 says({.code = Code::no_such_name,
                 .question = DnsQuestion{"other.example.org", DnsType::a, DnsQuestion::Transport::udp, 0}})},
             Row{"cut for ever", says({.raw = std::string("\x86\x00\0\0\0\0\0\0\0\0", 10)})},
             Row{"half a header", says({.raw = "\x84"})},
         }) {
      CAPTURE(row.what);
      const DnsServer useless(row.script);
      const DnsServer useful(knows({{{"example.org", DnsType::caa}, {kIssue}}}));
      const dns::Observed seen = observe(observer_at({&useless, &useful}, kShortPatience));
      CHECK(seen.caa->at == "example.org");
      CHECK(seen.zone == "example.org");
      const base::Error error = error_of([&] { observe(observer_at({&useless}, kShortPatience)); });
      CHECK(error.fault() == Fault::unreachable);
      CHECK(contains(error.message(), "127.0.0.1:" + std::to_string(useless.port())));
    }
  }

  TEST_CASE("SERVFAIL is an answer, unless another resolver has a better one") {
    const DnsServer failing(says({.code = Code::server_failure}));
    const DnsServer useful(knows({{{"example.org", DnsType::caa}, {kIssue}}}));
    const DnsServer lame(says({.code = Code::refused}));
    CHECK(observe(observer_at({&failing, &useful})).caa->at == "example.org");
    CHECK(observe(observer_at({&failing, &lame})).validation == Validation::failing);
    CHECK(observe(observer_at({&lame, &failing})).validation == Validation::failing);
  }

  TEST_CASE("more records than a datagram holds are asked for over TCP, and a flood of them is bounded") {
    Zone zone;
    for (int i = 0; i < 300; ++i)
      zone[{kHost, DnsType::caa}].push_back(fakes::caa_record(kHost, "issue", "ca" + std::to_string(i) + ".test"));
    const DnsServer server(knows(zone));
    const dns::Observed seen = observe(observer_at({&server}));
    CHECK(seen.caa->at == kHost);
    CHECK(seen.caa->records.size() == 200);
  }

  TEST_CASE("where a challenge leads to is told, also in a circle and behind a resolver that cannot follow") {
    const std::string challenge = "_acme-challenge." + kHost;
    const DnsRecord first = fakes::cname_record(challenge, "a.example.net");
    const DnsRecord second = fakes::cname_record("a.example.net", "b.example.net");
    const DnsRecord back = fakes::cname_record("a.example.net", challenge);
    struct Row {
      const char* what;
      DnsServer::Script script;
      std::string to;  // "": none
    };
    for (const Row& row : {
             Row{"no alias", knows({}), ""},
             Row{"two steps", knows({{{challenge, DnsType::txt}, {first, second}}}), "b.example.net"},
             Row{"a circle", knows({{{challenge, DnsType::txt}, {first, back}}}), ""},
             Row{"cannot follow",
                 [&](const DnsQuestion& question) {
                   if (question.name == challenge && question.type == DnsType::txt)
                     return std::optional(DnsAnswer{.code = Code::server_failure});
                   return std::optional(answer_from({{{challenge, DnsType::cname}, {first}}}, question));
                 },
                 "a.example.net"},
         }) {
      CAPTURE(row.what);
      const DnsServer server(row.script);
      const dns::Observed seen = observe(observer_at({&server}), ChallengeRecords::asked);
      REQUIRE(seen.challenge.has_value() == !row.to.empty());
      if (seen.challenge) CHECK(seen.challenge->to == row.to);
    }
  }

  TEST_CASE("TLSA records are those of the name alone") {
    const std::string name = "_25._tcp.mx.example.org";
    const std::string data = std::string("\3\1\1", 3) + std::string(32, 'k');
    const DnsServer server(says(
        {.answers = {{name, DnsType::tlsa, data}, {"_25._tcp.other.org", DnsType::tlsa, data}}, .is_authentic = true}));
    const dns::Tlsa seen = observer_at({&server}).tlsa(name, {});
    CHECK(seen.validation == Validation::secure);
    REQUIRE(seen.records.size() == 1);
    CHECK(seen.records.front().usage == 3);
    CHECK(seen.records.front().selector == 1);
    CHECK(seen.records.front().matching == 1);
    CHECK(base::as_text(seen.records.front().data) == std::string(32, 'k'));
  }

  TEST_CASE("asking ends when it is told to") {
    std::stop_source source;
    source.request_stop();
    const DnsServer silent(says_nothing);
    dns::Observer observer = observer_at({&silent});
    CHECK(error_of([&] {
            observer.observe(kHost, ChallengeRecords::asked, CaaRecords::asked, source.get_token());
          }).fault() == Fault::cancelled);
  }
}
