#include "net/http_server.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "net/listen.h"

#include <cstddef>
#include <exception>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace everseal::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

std::string address_of(const tcp::socket& socket) {
  boost::system::error_code problem;
  const tcp::endpoint peer = socket.remote_endpoint(problem);
  return problem ? std::string() : fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

}  // namespace

struct HttpServer::State {
  ServerSettings settings;
  std::function<ServerResponse(const ServerRequest&)> answer;
  asio::io_context loop{1};
  tcp::acceptor acceptor{loop};
  std::uint16_t port = 0;
  std::size_t connections = 0;
  std::jthread thread;

  ServerResponse ask(const ServerRequest& request) {
    try {
      return answer(request);
    } catch (const std::exception& error) {
      base::log::warn("{} {}: {}", base::printable(request.method), base::printable(request.target), error.what());
      return {.status = 500, .body = "internal error\n"};
    }
  }
};

namespace {

template <class State>
asio::awaitable<void> serve(State& state, tcp::socket socket) {
  const std::string peer = address_of(socket);
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(state.settings.largest_header + state.settings.largest_body);
  for (bool keep = true; keep;) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(state.settings.largest_header));
    parser.body_limit(state.settings.largest_body);
    stream.expires_after(state.settings.patience);
    auto read = co_await http::async_read(stream, buffer, parser, kAwait);
    if (std::get<0>(read)) break;
    const auto& message = parser.get();
    ServerRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message)
      request.headers.emplace_back(base::lower(std::string_view(field.name_string())), std::string(field.value()));
    request.body = message.body();
    request.peer = peer;
    ServerResponse wanted = state.ask(request);
    keep = message.keep_alive();
    http::response<http::string_body> response(static_cast<http::status>(wanted.status), message.version());
    response.set(http::field::content_type, wanted.content_type);
    for (const auto& [name, value] : wanted.headers) response.set(name, value);
    response.keep_alive(keep);
    const std::size_t length = wanted.body.size();
    if (request.method != "HEAD") response.body() = std::move(wanted.body);
    response.content_length(length);
    http::response_serializer<http::string_body> serializer(response);
    auto written = co_await http::async_write(stream, serializer, kAwait);
    if (std::get<0>(written)) break;
  }
  boost::system::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
  --state.connections;
}

template <class State>
asio::awaitable<void> accept_all(State& state) {
  for (;;) {
    auto accepted = co_await state.acceptor.async_accept(kAwait);
    if (std::get<0>(accepted) == asio::error::operation_aborted) co_return;
    if (std::get<0>(accepted)) {  // descriptors may have run out
      asio::steady_timer pause(state.loop, std::chrono::milliseconds(100));
      co_await pause.async_wait(kAwait);
      continue;
    }
    if (state.connections == state.settings.most_connections) continue;  // closed by its end here
    ++state.connections;
    asio::co_spawn(state.loop, serve(state, std::move(std::get<1>(accepted))), [&state](std::exception_ptr problem) {
      if (problem) --state.connections;
    });
  }
}

}  // namespace

HttpServer::HttpServer(ServerSettings settings, std::function<ServerResponse(const ServerRequest&)> answer)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.settings = std::move(settings);
  state.answer = std::move(answer);
  Listening listening = listen_on(state.settings.address, state.settings.port);
  state.port = listening.port;
  const bool is_v6 = state.settings.address.empty() || state.settings.address.find(':') != std::string::npos;
  state.acceptor.assign(is_v6 ? tcp::v6() : tcp::v4(), listening.socket.release());
  asio::co_spawn(state.loop, accept_all(state), [](std::exception_ptr) {});
  state.thread = std::jthread([&state] { state.loop.run(); });
}

HttpServer::~HttpServer() {
  state_->loop.stop();
  state_->thread.join();
}

std::uint16_t HttpServer::port() const noexcept { return state_->port; }

}  // namespace everseal::net
