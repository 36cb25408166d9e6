#include "base/error.h"
#include "base/handle.h"
#include "error_of.h"
#include "net/http_client.h"

#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::net {
namespace {

// Takes one connection, keeps what it was asked and refuses to tunnel.
class RefusingProxy {
 public:
  RefusingProxy() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_.get(), any, size) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    REQUIRE(::getsockname(listener_.get(), any, &size) == 0);
    url_ = fmt::format("http://127.0.0.1:{}", ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~RefusingProxy() {
    if (thread_.joinable()) thread_.join();
  }

  const std::string& url() const { return url_; }
  std::string asked() {
    thread_.join();
    return asked_;
  }

 private:
  void serve() {
    const base::FileDescriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char buffer[4096];
    while (asked_.find("\r\n\r\n") == std::string::npos) {
      const ssize_t count = ::read(peer.get(), buffer, sizeof buffer);
      if (count <= 0) return;
      asked_.append(buffer, static_cast<std::size_t>(count));
    }
    constexpr std::string_view answer = "HTTP/1.1 407 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    static_cast<void>(::write(peer.get(), answer.data(), answer.size()) < 0);
  }

  base::FileDescriptor listener_;
  std::string url_;
  std::string asked_;
  std::thread thread_;
};

TEST_CASE("the proxy is told the login that its settings hold, and nobody else hears of it") {
  RefusingProxy proxy;
  HttpSettings settings;
  settings.proxy = proxy.url();
  settings.proxy_login = std::make_shared<const base::Secret>(std::string_view("scout:hunter2"));
  HttpClient client(std::move(settings));
  const base::Error error = error_of([&] { client.send({.url = "https://ca.example/directory"}, {}); });
  CHECK(proxy.asked().find("Proxy-Authorization: Basic c2NvdXQ6aHVudGVyMg==") != std::string::npos);
  CHECK(error.text().find("hunter2") == std::string::npos);
}

}  // namespace
}  // namespace everseal::net
