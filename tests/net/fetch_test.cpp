// URLs of strangers and servers that lead inside: none is followed.
#include "net/fetch.h"

#include "base/error.h"
#include "error_of.h"
#include "probe/server.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netdb.h>

using namespace everseal;
using namespace std::chrono_literals;
using base::Fault;

namespace {

std::mutex resolving;
// Addresses of names below ".scripted", one an answer; the last stays.
std::map<std::string, std::deque<std::string>> scripted;

}  // namespace

// In place of the C library's, for libcurl too: a name server whose answers change is one whose every answer is
// another.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const std::scoped_lock lock(resolving);
  const auto script = node == nullptr ? scripted.end() : scripted.find(node);
  if (script == scripted.end()) return real(node, service, hints, found);
  const std::string address = script->second.front();
  if (script->second.size() > 1) script->second.pop_front();
  return real(address.c_str(), service, hints, found);
}

namespace {

std::string http_answer(const std::string& body) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", body.size(), body);
}
std::string http_redirect(const std::string& to) {
  return fmt::format("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", to);
}

// On 127.0.0.1; answers each request with what `answer` makes of its path.
class HttpServer {
 public:
  explicit HttpServer(std::function<std::string(const std::string& path)> answer)
      : server_([this, answer = std::move(answer)](int connection) {
          ++asked_;
          const std::string line = test::hear(connection);
          while (!test::hear(connection).empty()) {
          }
          const auto begin = line.find(' ') + 1;
          test::say(connection, answer(line.substr(begin, line.rfind(' ') - begin)));
        }) {}
  std::string url(const std::string& host, const std::string& path = "/") const {
    return fmt::format("http://{}:{}{}", host, server_.port(), path);
  }
  int port() const { return server_.port(); }
  int asked() const { return asked_; }

 private:
  std::atomic<int> asked_{0};
  test::Server server_;
};

net::FetchRules only(const std::string& range) {
  net::FetchRules rules;
  rules.allowed = {pki::NameConstraint::parse(range)};
  return rules;
}

}  // namespace

TEST_CASE("what is fetched is the body of an answer, also behind redirects") {
  HttpServer server([&](const std::string& path) {
    if (path == "/far") return http_redirect("/nearer");
    if (path == "/nearer") return http_redirect("near");
    return http_answer("ok " + path);
  });
  CHECK(net::fetch(server.url("127.0.0.1", "/crl"), only("127.0.0.0/8")) == "ok /crl");
  CHECK(net::fetch(server.url("127.0.0.1", "/far"), only("127.0.0.0/8")) == "ok /near");
}

TEST_CASE("a URL that leads inside, or nowhere, is not followed") {
  HttpServer server([](const std::string&) { return http_answer("inside"); });
  {
    const std::scoped_lock lock(resolving);
    scripted["inside.scripted"] = {"127.0.0.1"};
    scripted["metadata.scripted"] = {"169.254.169.254"};
  }
  const std::string port = std::to_string(server.port());
  for (const std::string& url :
       {server.url("127.0.0.1"), server.url("localhost"), server.url("inside.scripted"), server.url("127.1"),
        server.url("0x7f000001"), server.url("2130706433"), server.url("[::ffff:127.0.0.1]"), server.url("0.0.0.0"),
        "http://[::1]:" + port + "/", std::string("http://169.254.169.254/latest/meta-data/"),
        std::string("http://metadata.scripted/"), std::string("http://10.0.0.1/x.crl"),
        std::string("file:///etc/passwd"), std::string("ftp://127.0.0.1/x"), std::string("gopher://127.0.0.1/x"),
        std::string("ldap://127.0.0.1/x"), std::string("dict://127.0.0.1/x"),
        "http://user:password@127.0.0.1:" + port + "/"}) {
    CAPTURE(url);
    CHECK(error_of([&] { net::fetch(url, {}); }).fault() == Fault::denied);
  }
  for (const std::string& url : {std::string(), std::string("x"), std::string("http://"), std::string("http://a b/"),
                                 std::string("http://x:99999/"), std::string("//127.0.0.1/x")}) {
    CAPTURE(url);
    CHECK(error_of([&] { net::fetch(url, {}); }).fault() == Fault::invalid);
    CHECK_FALSE(net::fetched_host(url));
  }
  CHECK(server.asked() == 0);
}

TEST_CASE("a redirect inside is not followed") {
  for (const std::string& target : {std::string("http://127.0.0.2:{}/"), std::string("//127.0.0.2:{}/"),
                                    std::string("http://localhost4.scripted:{}/"), std::string("file:///etc/passwd"),
                                    std::string("http://169.254.169.254/"), std::string("http://[::1]:{}/"),
                                    std::string("http://u@127.0.0.1:{}/")}) {
    CAPTURE(target);
    {
      const std::scoped_lock lock(resolving);
      scripted["localhost4.scripted"] = {"127.0.0.3"};
    }
    std::string where;
    HttpServer server([&](const std::string&) { return http_redirect(where); });
    where = fmt::format(fmt::runtime(target), server.port());
    CHECK(error_of([&] { net::fetch(server.url("127.0.0.1"), only("127.0.0.1/32")); }).fault() == Fault::denied);
    CHECK(server.asked() == 1);
  }
  HttpServer circle([](const std::string&) { return http_redirect("/again"); });
  CHECK(error_of([&] { net::fetch(circle.url("127.0.0.1"), only("127.0.0.1/32")); }).fault() == Fault::invalid);
  CHECK(circle.asked() == 4);
}

TEST_CASE("a name that leads elsewhere at the second look gets nowhere") {
  std::string where;
  HttpServer server([&](const std::string&) { return http_redirect(where); });
  where = server.url("rebound.scripted", "/secret");
  {
    const std::scoped_lock lock(resolving);
    scripted["rebound.scripted"] = {"127.0.0.1", "127.0.0.2"};
  }
  CHECK(error_of([&] { net::fetch(server.url("rebound.scripted"), only("127.0.0.1/32")); }).fault() == Fault::denied);
  CHECK(server.asked() == 1);
}

TEST_CASE("a body without end, a slow one and silence end in time") {
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  net::FetchRules rules = only("127.0.0.0/8");
  rules.largest = 100'000;
  rules.limit = 500ms;
  const auto fault = [&](const test::Server& server) {
    const auto begin = std::chrono::steady_clock::now();
    const Fault found =
        error_of([&] { net::fetch(fmt::format("http://127.0.0.1:{}/", server.port()), rules); }).fault();
    CHECK(std::chrono::steady_clock::now() - begin < 3s);
    return found;
  };
  const test::Server endless([&](int connection) {
    test::say(connection, head);
    const std::string block(4096, 'x');
    while (::send(connection, block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  CHECK(fault(endless) == Fault::invalid);
  const test::Server slow([&](int connection) {
    test::say(connection, head);
    while (::send(connection, "x", 1, MSG_NOSIGNAL) > 0) std::this_thread::sleep_for(50ms);
  });
  CHECK(fault(slow) == Fault::timed_out);
  const test::Server silent([](int connection) { test::hear_all(connection); });
  CHECK(fault(silent) == Fault::timed_out);
  const test::Server refusing([](int connection) {
    test::hear(connection);
    test::say(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  CHECK(fault(refusing) == Fault::invalid);
}

TEST_CASE("through a proxy names are its own to resolve, and literals inside are refused") {
  std::string seen;
  HttpServer proxy([&](const std::string& target) {
    seen = target;
    return http_answer("by proxy");
  });
  net::FetchRules rules;
  rules.proxy = proxy.url("127.0.0.1");
  CHECK(net::fetch("http://crl.example.org/1.crl", rules) == "by proxy");
  CHECK(seen == "http://crl.example.org/1.crl");
  for (const char* const url : {"http://127.0.0.1/", "http://0x7f.1/", "http://localhost/", "http://a.localhost/",
                                "http://169.254.169.254/", "http://[::1]/"}) {
    CAPTURE(url);
    CHECK(error_of([&] { net::fetch(url, rules); }).fault() == Fault::denied);
  }
  CHECK(proxy.asked() == 1);
}

TEST_CASE("the environment's proxy serves no stranger's URL") {
  HttpServer proxy([](const std::string&) { return http_answer("by proxy"); });
  ::setenv("http_proxy", proxy.url("127.0.0.1").c_str(), 1);
  HttpServer server([](const std::string&) { return http_answer("direct"); });
  CHECK(net::fetch(server.url("127.0.0.1"), only("127.0.0.0/8")) == "direct");
  ::unsetenv("http_proxy");
  CHECK(proxy.asked() == 0);
}
