#include "net/http_client.h"

#include "base/error.h"
#include "base/handle.h"
#include "error_of.h"

#include <array>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace everseal;

namespace {

// Answers one connection with `text`, whatever it is asked.
class OneAnswer {
 public:
  explicit OneAnswer(std::string text)
      : text_(std::move(text)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url_ = fmt::format("http://127.0.0.1:{}/", ntohs(address.sin_port));
    server_ = std::jthread([this] {
      const base::FileDescriptor peer(::accept(listener_.get(), nullptr, nullptr));
      std::array<char, 4096> request{};
      if (!peer || ::read(peer.get(), request.data(), request.size()) <= 0) return;
      std::string_view left = text_;
      while (!left.empty()) {
        const ssize_t count = ::send(peer.get(), left.data(), left.size(), MSG_NOSIGNAL);
        if (count <= 0) return;
        left.remove_prefix(static_cast<std::size_t>(count));
      }
    });
  }
  const std::string& url() const noexcept { return url_; }

 private:
  std::string text_;
  std::string url_;
  base::FileDescriptor listener_;
  std::jthread server_;
};

net::HttpResponse get(const OneAnswer& server) {
  net::HttpSettings settings;
  settings.schemes = net::Schemes::http_too;
  net::HttpClient client(std::move(settings));
  return client.send({.method = "GET", .url = server.url(), .headers = {}, .secret_headers = {}, .body = {}}, {});
}

std::string repeated(std::string_view line, std::size_t octets) {
  std::string text;
  while (text.size() < octets) text += line;
  return text;
}

}  // namespace

TEST_CASE("headers are counted whatever they are called, and those without a name are dropped") {
  const std::string end = "Content-Length: 2\r\nConnection: close\r\n\r\nok";
  const OneAnswer odd("HTTP/1.1 200 OK\r\n" + repeated(": x\r\n", 1000) + "X-Named: yes\r\n" + end);
  const net::HttpResponse response = get(odd);
  CHECK(response.status == 200);
  CHECK(response.body == "ok");
  CHECK(response.headers.size() == 3);

  for (const char* const line : {":\r\n", ": x\r\n", "a: x\r\n", "no colon\r\n"}) {
    CAPTURE(line);
    const OneAnswer large("HTTP/1.1 200 OK\r\n" + repeated(line, 70'000) + end);
    CHECK(error_of([&] { get(large); }).fault() == base::Fault::invalid);
  }
  const std::string interim = "HTTP/1.1 103 Early Hints\r\n" + repeated("a: x\r\n", 60'000) + "\r\n";
  const OneAnswer endless(repeated(interim, 300'000) + "HTTP/1.1 200 OK\r\n" + end);
  CHECK(error_of([&] { get(endless); }).fault() == base::Fault::invalid);
}
