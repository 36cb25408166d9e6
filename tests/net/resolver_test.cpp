#include "net/resolver.h"

#include "base/error.h"
#include "fakes/dns_server.h"

#include <map>
#include <set>

#include <doctest/doctest.h>
#include <netdb.h>
#include <poll.h>

using namespace everseal;
using namespace std::chrono_literals;
using fakes::DnsAnswer;
using fakes::DnsQuestion;
using fakes::DnsServer;
using fakes::DnsType;
using net::Resolved;
using net::Resolver;

namespace {

// Names to answers, as a loop would bring them about.
std::map<std::string, Resolved> resolve(const std::vector<std::string>& names, net::Families families,
                                        std::chrono::milliseconds limit, const std::vector<std::string>& servers) {
  std::map<int, short> watched;
  Resolver resolver(
      [&](int descriptor, bool readable, bool writable) {
        if (readable || writable)
          watched[descriptor] = static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
        else
          watched.erase(descriptor);
      },
      families, limit, servers);
  std::map<std::string, Resolved> answers;
  std::size_t asked = 0;
  while (answers.size() < names.size()) {
    for (; asked < names.size() && asked < answers.size() + 100; ++asked) resolver.ask(asked, names[asked]);
    const auto due = resolver.tick();
    for (auto& [number, resolved] : resolver.take_answers()) answers[names[number]] = std::move(resolved);
    std::vector<pollfd> polled;
    for (const auto& [descriptor, events] : watched) polled.push_back({descriptor, events, 0});
    const auto left = due ? std::chrono::ceil<std::chrono::milliseconds>(*due - Resolver::Clock::now()).count() : 0;
    ::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)));
    for (const pollfd& one : polled)
      if (one.revents != 0) resolver.ready(one.fd, (one.revents & POLLIN) != 0, (one.revents & POLLOUT) != 0);
  }
  return answers;
}

std::vector<std::string> texts(const Resolved& resolved) {
  std::vector<std::string> all;
  for (const sockaddr_storage& address : resolved.addresses) {
    char host[NI_MAXHOST];
    ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), sizeof address, host, sizeof host, nullptr, 0,
                  NI_NUMERICHOST);
    all.emplace_back(host);
  }
  return all;
}

std::vector<std::string> at(const DnsServer& server) { return {"127.0.0.1:" + std::to_string(server.port())}; }

constexpr auto kAaaa = static_cast<DnsType>(28);

fakes::DnsRecord aaaa_record(const std::string& name) { return {name, kAaaa, std::string(15, '\0') + '\1'}; }

}  // namespace

TEST_CASE("every address of a name is found, of the families that are wanted, once each") {
  DnsServer server([](const DnsQuestion& question) -> std::optional<DnsAnswer> {
    DnsAnswer answer;
    if (question.type == DnsType::a)
      answer.answers = {fakes::a_record(question.name, "127.0.0.2"), fakes::a_record(question.name, "127.0.0.3"),
                        fakes::a_record(question.name, "127.0.0.2")};
    if (question.type == kAaaa) answer.answers = {aaaa_record(question.name)};
    return answer;
  });
  const auto both = texts(resolve({"two.test"}, net::Families::both, 5s, at(server)).at("two.test"));
  CHECK(std::set<std::string>(both.begin(), both.end()) == std::set<std::string>{"127.0.0.2", "127.0.0.3", "::1"});
  CHECK(both.size() == 3);
  CHECK(texts(resolve({"two.test"}, net::Families::ipv4, 5s, at(server)).at("two.test")) ==
        std::vector<std::string>{"127.0.0.2", "127.0.0.3"});
  CHECK(texts(resolve({"two.test"}, net::Families::ipv6, 5s, at(server)).at("two.test")) ==
        std::vector<std::string>{"::1"});
}

TEST_CASE("no name is lost behind a resolver that loses datagrams, and both families are asked for again") {
  int count = 0;
  DnsServer server([&](const DnsQuestion& question) -> std::optional<DnsAnswer> {
    if (++count % 4 == 0) return std::nullopt;
    DnsAnswer answer;
    if (question.type == DnsType::a) answer.answers = {fakes::a_record(question.name, "127.0.0.2")};
    if (question.type == kAaaa) answer.answers = {aaaa_record(question.name)};
    return answer;
  });
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("n" + std::to_string(i) + ".test");
  for (const auto& [name, resolved] : resolve(names, net::Families::both, 20s, at(server))) {
    CAPTURE(name);
    CHECK_MESSAGE(resolved.addresses.size() == 2, resolved.problem);
  }
}

TEST_CASE("a name that does not exist, one without an address and one that nobody answers for are told apart") {
  DnsServer server([](const DnsQuestion& question) -> std::optional<DnsAnswer> {
    if (question.name == "silent.test") return std::nullopt;
    if (question.name == "none.test") return DnsAnswer{.code = DnsAnswer::Code::no_such_name};
    if (question.name == "broken.test") return DnsAnswer{.code = DnsAnswer::Code::server_failure};
    return DnsAnswer{};
  });
  const auto answers =
      resolve({"silent.test", "none.test", "broken.test", "empty.test"}, net::Families::both, 2s, at(server));
  CHECK(answers.at("silent.test").timed_out);
  CHECK(answers.at("silent.test").problem == "resolving silent.test took too long");
  for (const char* name : {"none.test", "broken.test", "empty.test"}) {
    CAPTURE(name);
    CHECK_FALSE(answers.at(name).timed_out);
    CHECK(answers.at(name).addresses.empty());
    CHECK_MESSAGE(answers.at(name).problem.starts_with(std::string("cannot resolve ") + name + ": "),
                  answers.at(name).problem);
  }
}

TEST_CASE("one family without an answer does not hide the other") {
  DnsServer server([](const DnsQuestion& question) -> std::optional<DnsAnswer> {
    if (question.type != DnsType::a) return std::nullopt;
    return DnsAnswer{.answers = {fakes::a_record(question.name, "127.0.0.2")}};
  });
  CHECK(texts(resolve({"half.test"}, net::Families::both, 1s, at(server)).at("half.test")) ==
        std::vector<std::string>{"127.0.0.2"});
}

TEST_CASE("the system's own sources count where no name server is said") {
  const auto answers = resolve({"localhost", "no..such..name"}, net::Families::both, 10s, {});
  CHECK_FALSE(answers.at("localhost").addresses.empty());
  CHECK(answers.at("no..such..name").addresses.empty());
  CHECK(answers.at("no..such..name").problem.starts_with("cannot resolve no..such..name: "));
}

TEST_CASE("what is no address of a name server is refused") {
  for (const char* server : {"x", "127.0.0.1:dns", ""}) {
    CAPTURE(server);
    CHECK_THROWS_AS(resolve({}, net::Families::both, 1s, {server}), base::Error);
  }
}
