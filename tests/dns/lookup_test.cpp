// Questions to name servers that answer late, wrongly, or not at all.
#include "dns/lookup.h"

#include "base/error.h"
#include "contains.h"
#include "error_of.h"
#include "fakes/dns_server.h"

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace std::chrono_literals;
using base::Fault;
using fakes::DnsAnswer;
using fakes::DnsQuestion;
using fakes::DnsServer;
using fakes::DnsType;
using Code = DnsAnswer::Code;

namespace {

const std::string kName = "_acme-challenge.example.org";
constexpr auto kPatience = 2s;
constexpr auto kLittlePatience = 250ms;  // where nobody answers

dns::Server address_of(const DnsServer& server) { return {"127.0.0.1", server.port()}; }

dns::Lookup lookup_at(const DnsServer& server) { return dns::Lookup({address_of(server)}, server.port(), kPatience); }

DnsAnswer no_such_name(const std::string& zone) {
  return {.code = Code::no_such_name, .authority = {fakes::soa_record(zone)}};
}

DnsAnswer value(const std::string& text) { return {.answers = {fakes::txt_record(kName, {text})}}; }

std::optional<DnsAnswer> silence(const DnsQuestion&) { return std::nullopt; }

template <class Work>
Fault fault_of(Work&& work) {
  return error_of(std::forward<Work>(work)).fault();
}


// A server of CNAMEs alone.
DnsServer::Script aliases(std::map<std::string, std::string> targets) {
  return [targets = std::move(targets)](const DnsQuestion& question) -> std::optional<DnsAnswer> {
    const auto found = targets.find(question.name);
    if (found == targets.end()) return no_such_name("example.org");
    return DnsAnswer{.answers = {fakes::cname_record(question.name, found->second)}};
  };
}

}  // namespace

TEST_SUITE("lookup") {
  TEST_CASE("a name leads to where its CNAMEs end") {
    const DnsServer server(aliases({{kName, "a.example.net"}, {"a.example.net", "b.example.net"}}));
    CHECK(lookup_at(server).follow(kName, {}) == "b.example.net");
    CHECK(lookup_at(server).follow("_ACME-Challenge.Example.ORG", {}) == "b.example.net");
    CHECK(lookup_at(server).follow("elsewhere.example.org", {}) == "elsewhere.example.org");
  }

  TEST_CASE("CNAMEs that lead nowhere are refused") {
    std::map<std::string, std::string> long_chain;
    for (int i = 0; i < 40; ++i) long_chain[fmt::format("c{}.example.org", i)] = fmt::format("c{}.example.org", i + 1);
    const std::pair<std::string, std::map<std::string, std::string>> rejects[] = {
        {kName, {{kName, kName}}},
        {kName, {{kName, "a.example.org"}, {"a.example.org", "b.example.org"}, {"b.example.org", "a.example.org"}}},
        {"c0.example.org", long_chain},
    };
    for (const auto& [name, targets] : rejects) {
      CAPTURE(name);
      const DnsServer server(aliases(targets));
      CHECK(fault_of([&] { lookup_at(server).follow(name, {}); }) == Fault::invalid);
    }
  }

  TEST_CASE("the zone of a name that does not exist is told by the SOA beside the refusal") {
    const DnsServer server([](const DnsQuestion& question) -> std::optional<DnsAnswer> {
      if (question.type == DnsType::ns && question.name == "example.org")
        return DnsAnswer{.answers = {fakes::ns_record("example.org", "ns1.example.net"),
                                     fakes::ns_record("example.org", "ns2.example.net")}};
      if (question.type == DnsType::a && question.name == "ns1.example.net")
        return DnsAnswer{.answers = {fakes::a_record(question.name, "127.0.0.1")}};
      if (question.type == DnsType::a && question.name == "ns2.example.net")
        return DnsAnswer{
            .answers = {fakes::a_record(question.name, "127.0.0.2"), fakes::a_record(question.name, "127.0.0.3")}};
      return no_such_name("example.org");
    });
    const dns::Zone zone = lookup_at(server).zone_of(kName, {});
    CHECK(zone.name == "example.org");
    std::vector<std::string> servers;
    for (const dns::Server& one : zone.servers) servers.push_back(to_string(one));
    const std::string port = std::to_string(server.port());
    CHECK(servers == std::vector<std::string>{"127.0.0.1:" + port, "127.0.0.2:" + port, "127.0.0.3:" + port});
  }

  TEST_CASE("what is not the name's own zone is none") {
    const auto told = [](const std::string& zone) {
      const DnsServer server([zone](const DnsQuestion&) { return std::optional(no_such_name(zone)); });
      return error_of([&] { lookup_at(server).zone_of(kName, {}); });
    };
    for (const std::string zone : {"example.com", "le.org", "x.example.org", ""}) {
      CAPTURE(zone);
      const base::Error error = told(zone);
      CHECK(error.fault() == Fault::unreachable);
      CHECK(contains(error.message(), "no zone in the DNS holds"));
    }
    CHECK(contains(told("example.org").message(), "no name server of example.org"));
  }

  TEST_CASE("a value is waited for until every server shows it") {
    const DnsServer quick([](const DnsQuestion&) { return std::optional(value("right")); });
    const std::pair<std::string, DnsAnswer> before[] = {
        {"no such name", no_such_name("example.org")},
        {"nothing of that type", {.authority = {fakes::soa_record("example.org")}}},
        {"another value", value("wrong")},
        {"a failure", {.code = Code::server_failure}},
        {"a refusal", {.code = Code::refused}},
    };
    for (const auto& [what, first] : before) {
      CAPTURE(what);
      std::atomic<int> asked = 0;
      const DnsServer slow(
          [&, answer = first](const DnsQuestion&) { return std::optional(++asked < 2 ? answer : value("right")); });
      dns::Lookup lookup = lookup_at(quick);
      const dns::Zone zone{"example.org", {address_of(quick), address_of(slow)}};
      CHECK_NOTHROW(lookup.wait_for(kName, "right", zone, 20s, {}));
      CHECK(asked == 2);
    }
  }

  TEST_CASE("a server that lags behind is named when the time is up, those that have shown the value are not") {
    std::atomic<int> asked = 0;
    const DnsServer quick([&](const DnsQuestion&) {
      ++asked;
      return std::optional(value("right"));
    });
    const DnsServer late([](const DnsQuestion&) { return std::optional(value("wrong")); });
    const DnsServer silent(silence);
    const DnsServer failing([](const DnsQuestion&) { return std::optional(DnsAnswer{.code = Code::server_failure}); });
    dns::Lookup lookup = lookup_at(quick);
    const dns::Zone zone{"example.org", {address_of(quick), address_of(late), address_of(silent), address_of(failing)}};
    const base::Error error = error_of([&] { lookup.wait_for(kName, "right", zone, 2s, {}); });
    CHECK(error.fault() == Fault::timed_out);
    CHECK(asked == 1);
    CHECK_FALSE(contains(error.message(), to_string(address_of(quick))));
    CHECK(contains(error.message(), to_string(address_of(late)) + " shows 1 other value(s)"));
    CHECK(contains(error.message(), to_string(address_of(silent)) + " does not answer"));
    CHECK(contains(error.message(), to_string(address_of(failing)) + " answers SERVFAIL"));
  }

  TEST_CASE("resolvers are waited for as servers are") {
    std::atomic<int> asked = 0;
    const DnsServer server(
        [&](const DnsQuestion&) { return std::optional(++asked < 2 ? no_such_name("example.org") : value("right")); });
    dns::Lookup lookup = lookup_at(server);
    CHECK_NOTHROW(lookup.wait_for(kName, "right", 20s, {}));
    CHECK(fault_of([&] { lookup.wait_for(kName, "wrong", 1s, {}); }) == Fault::timed_out);
  }

  TEST_CASE("silence has an end, and the next resolver is asked") {
    const DnsServer silent(silence);
    const DnsServer server([](const DnsQuestion&) { return std::optional(value("right")); });
    const auto ask = [&](std::vector<dns::Server> resolvers) {
      return dns::Lookup(std::move(resolvers), 53, kLittlePatience).txt(kName, {});
    };
    CHECK(ask({address_of(silent), address_of(server)}) == std::vector<std::string>{"right"});
    const base::Error error = error_of([&] { ask({address_of(silent), address_of(silent)}); });
    CHECK(error.fault() == Fault::unreachable);
    CHECK(contains(error.message(), "does not answer"));
    // Of the default patience, too, a wait takes what is left of its own time alone.
    dns::Lookup patient({address_of(silent)});
    CHECK(fault_of([&] { patient.wait_for(kName, "right", 1s, {}); }) == Fault::timed_out);
  }

  TEST_CASE("a wait that is asked to stop ends") {
    std::stop_source source;
    const DnsServer server([&](const DnsQuestion&) {
      source.request_stop();
      return std::optional(value("wrong"));
    });
    dns::Lookup lookup = lookup_at(server);
    const dns::Zone zone{"example.org", {address_of(server)}};
    CHECK(fault_of([&] { lookup.wait_for(kName, "right", zone, 600s, source.get_token()); }) == Fault::cancelled);
    CHECK(fault_of([&] { lookup.follow(kName, source.get_token()); }) == Fault::cancelled);
  }

  TEST_CASE("what does not fit into a datagram is asked for again over TCP") {
    std::vector<fakes::DnsRecord> records;
    for (int i = 0; i < 150; ++i)
      records.push_back(fakes::txt_record(kName, {fmt::format("{:0>250}", i), std::string(40, 'x')}));
    records.push_back(fakes::txt_record(kName, {"right"}));
    records.push_back(fakes::txt_record(kName, {""}));
    std::atomic<int> over_tcp = 0;
    const DnsServer server([&](const DnsQuestion& question) {
      over_tcp += question.transport == DnsQuestion::Transport::tcp ? 1 : 0;
      return std::optional(DnsAnswer{.answers = records});
    });
    const auto texts = lookup_at(server).txt(kName, {});
    REQUIRE(texts.size() == 152);
    CHECK(texts.front() == std::string(250, '0') + std::string(40, 'x'));
    CHECK(texts[150] == "right");
    CHECK(texts[151].empty());
    CHECK(over_tcp == 1);
    const DnsServer cut_for_ever([](const DnsQuestion&) {
      return std::optional(DnsAnswer{.raw = std::string("\x86\x00\0\0\0\0\0\0\0\0", 10)});
    });
    CHECK(fault_of([&] { lookup_at(cut_for_ever).txt(kName, {}); }) == Fault::unreachable);
  }

  TEST_CASE("an answer to another question is none") {
    const std::pair<std::string, DnsAnswer> rejects[] = {
        {"another ID", {.answers = {fakes::txt_record(kName, {"right"})}, .id_changed_by = 1}},
        {"another name",
         {.answers = {fakes::txt_record(kName, {"right"})},
          .question = DnsQuestion{"other.example.org", DnsType::txt, DnsQuestion::Transport::udp, 0}}},
        {"another type",
         {.answers = {fakes::txt_record(kName, {"right"})},
          .question = DnsQuestion{kName, DnsType::a, DnsQuestion::Transport::udp, 0}}},
    };
    for (const auto& [what, answer] : rejects) {
      CAPTURE(what);
      const DnsServer server([&, said = answer](const DnsQuestion&) { return std::optional(said); });
      CHECK(fault_of([&] { lookup_at(server).txt(kName, {}); }) == Fault::unreachable);
    }
  }

  TEST_CASE("an answer that is no DNS message is none") {
    const auto octets = [](std::string_view text) { return std::string(text); };
    const std::string question("\x0f_acme-challenge\7example\3org\0\0\x10\0\1", 33);
    using namespace std::string_view_literals;
    const std::pair<std::string, std::string> rejects[] = {
        {"nothing", ""},
        {"half a header", octets("\x84\0\0"sv)},
        {"counts without records", octets("\x84\0\xff\xff\xff\xff\xff\xff\xff\xff"sv)},
        {"a name that points at itself", octets("\x84\0\0\1\0\1\0\0\0\0\xc0\x0c\0\x10\0\1\xc0\x0c\0\x10\0\1"sv)},
        {"a record longer than the message",
         octets("\x84\0\0\1\0\1\0\0\0\0"sv) + question + octets("\xc0\x0c\0\x10\0\1\0\0\0\1\xff\xff\5right"sv)},
        {"a string longer than its record",
         octets("\x84\0\0\1\0\1\0\0\0\0"sv) + question + octets("\xc0\x0c\0\x10\0\1\0\0\0\1\0\3\xffri"sv)},
        {"text", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"},
    };
    for (const auto& [what, raw] : rejects) {
      CAPTURE(what);
      const DnsServer server([&, said = raw](const DnsQuestion&) { return std::optional(DnsAnswer{.raw = said}); });
      CHECK(fault_of([&] { lookup_at(server).txt(kName, {}); }) == Fault::unreachable);
    }
  }
}
