// Many targets in one call.
#include "base/error.h"
#include "fakes/dns_server.h"
#include "probe/probe.h"
#include "server.h"

#include <algorithm>
#include <map>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/resource.h>

using namespace everseal;
using namespace std::chrono_literals;
using fakes::DnsAnswer;
using fakes::DnsQuestion;
using fakes::DnsServer;
using probe::Capture;
using probe::Limits;
using probe::Outcome;
using probe::Phase;
using probe::Scope;
using probe::Target;
using test::Identity;
using test::Server;

namespace {

// TLS on every address of 127.0.0.0/8 at one port, several connections at once; `silent` decides by the address who is
// not answered at all. Counts how many of an address are open at once.
class Crowd {
 public:
  explicit Crowd(std::function<bool(std::uint32_t)> silent) : silent_(std::move(silent)), leaf_("crowd.test") {
    context_ = test::server_context(leaf_);
    socket_ = base::FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t size = sizeof address;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_.get(), 4096) != 0 ||
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
    for (int i = 0; i < 8; ++i) threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
  int port() const { return port_; }
  const base::Bytes& der() const { return leaf_.der; }
  int most_at_once() const { return most_; }

 private:
  // By the client; this end may take its time to notice.
  static bool is_still_held(int connection) {
    pollfd polled{connection, POLLRDHUP, 0};
    return ::poll(&polled, 1, 0) == 0;
  }
  void run(const std::stop_token& stop) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (!stop.stop_requested()) {
      pollfd polled{socket_.get(), POLLIN, 0};
      if (::poll(&polled, 1, 20) <= 0) continue;
      base::FileDescriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) continue;
      sockaddr_in address{};
      socklen_t size = sizeof address;
      ::getsockname(connection.get(), reinterpret_cast<sockaddr*>(&address), &size);
      const std::uint32_t host = ntohl(address.sin_addr.s_addr);
      if (silent_(host)) {
        const std::scoped_lock lock(mutex_);
        kept_.push_back(std::move(connection));
        continue;
      }
      {
        const std::scoped_lock lock(mutex_);
        std::vector<int>& open = open_[host];
        open.push_back(connection.get());
        most_ = std::max(most_.load(), static_cast<int>(std::ranges::count_if(open, is_still_held)));
      }
      const timeval limit{5, 0};
      ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      test::serve_tls(context_.get(), connection.get());
      const std::scoped_lock lock(mutex_);
      std::erase(open_[host], connection.get());
    }
  }

  std::function<bool(std::uint32_t)> silent_;
  Identity leaf_;
  test::SslContext context_;
  base::FileDescriptor socket_;
  int port_ = 0;
  std::mutex mutex_;
  std::map<std::uint32_t, std::vector<int>> open_;
  std::atomic<int> most_ = 0;
  std::vector<base::FileDescriptor> kept_;
  std::vector<std::jthread> threads_;
};

std::string loopback(int n) { return fmt::format("127.1.{}.{}", n / 250, n % 250 + 1); }

std::uint32_t as_number(int n) {
  return (127U << 24U) + (1U << 16U) + (static_cast<std::uint32_t>(n / 250) << 8U) +
         static_cast<std::uint32_t>(n % 250) + 1U;
}

int closed_port() {
  return Server([](int) {}).port();
}

}  // namespace

TEST_CASE("a thousand endpoints, some dead and some silent, are each answered for in the time that the silent take") {
  constexpr int count = 1000;
  std::set<std::uint32_t> silent;
  for (int n = 0; n < count; ++n)
    if (n % 20 == 7) silent.insert(as_number(n));
  Crowd crowd([&](std::uint32_t host) { return silent.contains(host); });
  const int dead = closed_port();
  Limits limits{.handshake = 4s, .total = 10s, .in_flight = 100};
  int drawn = 0, most_under_way = 0, under_way = 0;
  std::map<std::string, Capture> captures;
  const auto began = std::chrono::steady_clock::now();
  const auto caller = std::this_thread::get_id();
  probe::probe_all(
      [&]() -> std::optional<Target> {
        CHECK(std::this_thread::get_id() == caller);
        if (drawn == count) return std::nullopt;
        const int n = drawn++;
        most_under_way = std::max(most_under_way, ++under_way);
        return Target{.host = loopback(n), .port = n % 10 == 3 ? dead : crowd.port()};
      },
      [&](const Target& target, Capture capture) {
        CHECK(std::this_thread::get_id() == caller);
        --under_way;
        CHECK(captures.emplace(target.host, std::move(capture)).second);
      },
      limits);
  const auto took = std::chrono::steady_clock::now() - began;
  REQUIRE(captures.size() == count);
  CHECK(most_under_way <= limits.in_flight);
  CHECK(took < 60s);
  for (int n = 0; n < count; ++n) {
    const Capture& capture = captures.at(loopback(n));
    const Outcome expected = n % 10 == 3                     ? Outcome::connection_refused
                             : silent.contains(as_number(n)) ? Outcome::timed_out
                                                             : Outcome::complete;
    CHECK_MESSAGE(capture.outcome == expected, loopback(n), " ", capture.problem);
    if (expected == Outcome::complete) CHECK(capture.chain == std::vector<base::Bytes>{crowd.der()});
  }
}

TEST_CASE(
    "names on few addresses behind a resolver that loses answers: none is lost, each is asked for once, hosts are "
    "spared") {
  constexpr int count = 400;
  constexpr int hosts = 8;
  std::map<std::string, int> asked;
  int questions = 0;
  DnsServer dns([&](const DnsQuestion& question) -> std::optional<DnsAnswer> {
    if (question.name.ends_with("lame.test")) return std::nullopt;
    if (++questions % 20 == 0) return std::nullopt;
    if (question.type != fakes::DnsType::a) return DnsAnswer{};
    ++asked[question.name];
    const int n = std::stoi(question.name.substr(1));
    return DnsAnswer{.answers = {fakes::a_record(question.name, loopback(n % hosts))}};
  });
  Crowd crowd([](std::uint32_t) { return false; });
  Limits limits{.resolve = 4s, .in_flight = 100, .in_flight_per_host = 3};
  int drawn = 0;
  std::map<std::string, Outcome> outcomes;
  probe::probe_all(
      [&]() -> std::optional<Target> {
        if (drawn == count) return std::nullopt;
        const int n = drawn++;
        // Every name stands there twice, and a few of a zone that nobody answers for.
        const std::string host = n % 40 == 0 ? fmt::format("n{}.lame.test", n) : fmt::format("n{}.test", n / 2);
        return Target{.host = host, .port = crowd.port(), .sni = fmt::format("s{}.test", n)};
      },
      [&](const Target& target, const Capture& capture) { outcomes[target.sni] = capture.outcome; }, limits,
      Scope{.name_servers = {"127.0.0.1:" + std::to_string(dns.port())}});
  REQUIRE(outcomes.size() == count);
  for (int n = 0; n < count; ++n) {
    CAPTURE(n);
    CHECK(to_string(outcomes.at(fmt::format("s{}.test", n))) ==
          to_string(n % 40 == 0 ? Outcome::timed_out : Outcome::complete));
  }
  CHECK(crowd.most_at_once() <= 3);
  for (const auto& [name, times] : asked) CHECK_MESSAGE(times <= 2, name);
}

TEST_CASE("of a name with many addresses as many are looked at as are wanted") {
  DnsServer dns([](const DnsQuestion& question) -> std::optional<DnsAnswer> {
    DnsAnswer answer;
    if (question.type == fakes::DnsType::a)
      for (int i = 0; i < 5; ++i) answer.answers.push_back(fakes::a_record(question.name, loopback(i)));
    return answer;
  });
  Crowd crowd([](std::uint32_t) { return false; });
  for (const auto& [most, looks] : {std::pair<std::size_t, int>{0, 5}, {2, 2}, {9, 5}}) {
    CAPTURE(most);
    Scope scope{.addresses = probe::Addresses::all, .most_addresses = most};
    scope.name_servers = {"127.0.0.1:" + std::to_string(dns.port())};
    bool drawn = false;
    int seen = 0;
    probe::probe_all(
        [&]() -> std::optional<Target> {
          if (std::exchange(drawn, true)) return std::nullopt;
          return Target{.host = "many.test", .port = crowd.port()};
        },
        [&](const Target&, const Capture& capture) { seen += capture.outcome == Outcome::complete ? 1 : 0; }, {},
        scope);
    CHECK(seen == looks);
  }
}

TEST_CASE("no more connections are begun each second than may be") {
  Crowd crowd([](std::uint32_t) { return false; });
  for (const bool per_host : {false, true}) {
    CAPTURE(per_host);
    Limits limits{.in_flight = 50, .per_second = per_host ? 0 : 40, .per_second_per_host = per_host ? 10 : 0};
    int drawn = 0, done = 0;
    const auto began = std::chrono::steady_clock::now();
    probe::probe_all(
        [&]() -> std::optional<Target> {
          if (drawn == 41) return std::nullopt;
          const int n = drawn++;
          return Target{.host = loopback(n % 4), .port = crowd.port()};
        },
        [&](const Target&, const Capture& capture) { done += capture.outcome == Outcome::complete ? 1 : 0; }, limits);
    CHECK(done == 41);
    CHECK(std::chrono::steady_clock::now() - began > 900ms);
  }
}

TEST_CASE("only addresses of the wanted family are probed") {
  const Identity leaf("family.test");
  const auto context = test::server_context(leaf);
  Server server([&](int c) { test::serve_tls(context.get(), c); });
  const Target four{.host = "127.0.0.1", .port = server.port()};
  CHECK(probe::probe_one(four, {}, {.families = net::Families::ipv4}).outcome == Outcome::complete);
  const Capture none = probe::probe_one(four, {}, {.families = net::Families::ipv6});
  CHECK(none.outcome == Outcome::name_not_resolved);
  CHECK(none.problem == "127.0.0.1 is of a family that was not to be probed");
}

TEST_CASE("a proxy leads to the target, or its refusal is told as its own") {
  const Identity leaf("behind.test");
  const auto context = test::server_context(leaf);
  struct Row {
    const char* says;
    Outcome outcome;
    const char* problem;
    bool greets;  // behind the proxy stands a server that speaks first
  };
  const Row rows[] = {
      {"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n", Outcome::complete, "", false},
      {"HTTP/1.0 200 OK\r\n\r\n+OK pop\r\n", Outcome::complete, "", true},
      {"HTTP/1.1 403 Forbidden\r\n\r\n", Outcome::proxy_refused, "proxy: the proxy answered \"HTTP/1.1 403 Forbidden\"",
       false},
      {"SSH-2.0-x\r\n", Outcome::proxy_refused, "proxy: the proxy does not speak HTTP", false},
      {"", Outcome::unreachable, "proxy: the peer closed the connection", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.says);
    std::string request;
    Server server([&](int c) {
      request.clear();
      for (std::string line; (line = test::hear(c)) != "";) request += line + "\n";
      test::say(c, row.says);
      if (row.greets) {
        test::hear(c);
        test::say(c, "+OK\r\n");
      }
      if (row.outcome == Outcome::complete) return test::serve_tls(context.get(), c);
      ::shutdown(c, SHUT_WR);
      test::hear_all(c);
    });
    Target target{.host = "no.such.name.test", .port = 995, .starttls = row.greets ? "pop3" : ""};
    auto proxy = std::make_shared<probe::Proxy>();
    proxy->host = "127.0.0.1";
    proxy->port = server.port();
    proxy->user = "me";
    proxy->password = base::Secret(std::string_view("secret"));
    target.proxy = proxy;
    const Capture capture = probe::probe_one(target);
    CHECK_MESSAGE(capture.outcome == row.outcome, capture.problem);
    CHECK_MESSAGE(capture.problem.starts_with(row.problem), capture.problem);
    CHECK(capture.problem.find("secret") == std::string::npos);
    CHECK(capture.address == "no.such.name.test:995");
    CHECK(capture.phase == (row.outcome == Outcome::complete ? Phase::handshake : Phase::proxy));
    CHECK(request ==
          "CONNECT no.such.name.test:995 HTTP/1.1\nHost: no.such.name.test:995\n"
          "Proxy-Authorization: Basic bWU6c2VjcmV0\n");
  }
}

TEST_CASE("a limit of open files slows the round down and loses nothing") {
  // Connections that the kernel takes and nobody answers.
  const base::FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener.get(), 1024) == 0);
  REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 80;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  int drawn = 0, done = 0;
  probe::probe_all(
      [&]() -> std::optional<Target> {
        if (drawn == 200) return std::nullopt;
        return Target{.host = loopback(drawn++), .port = ntohs(address.sin_port)};
      },
      [&](const Target&, const Capture& capture) {
        CHECK_MESSAGE(capture.outcome == Outcome::timed_out, capture.problem);
        ++done;
      },
      Limits{.handshake = 200ms, .in_flight = 200});
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(done == 200);
}
