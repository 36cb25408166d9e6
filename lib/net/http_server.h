// A small HTTP/1.1 server: a few listeners, one thread, one function that answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace everseal::net {

// What a client sent: hostile.
struct ServerRequest {
  std::string method;
  std::string target;                                        // "/path?query", as sent
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string peer;  // "192.0.2.1:4711"
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

struct ServerSettings {
  std::string address;                   // "": every address of the host, both families
  std::uint16_t port = 0;                // 0: any that is free
  std::size_t largest_header = 8 << 10;  // octets
  std::size_t largest_body = 64 << 10;
  std::chrono::milliseconds patience{10'000};  // for a whole request, and between requests
  std::size_t most_connections = 256;          // more are closed at once
};

// Listens from the constructor's return to the destructor's.
class HttpServer {
 public:
  // `answer` is called on the server's own thread, one request at a time, and must not block for long. What it throws
  // is a 500. Throws Error(io) where the port cannot be bound, with who may hold it or which right is missing.
  HttpServer(ServerSettings settings, std::function<ServerResponse(const ServerRequest&)> answer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::net
