#include "net/tls_alpn_server.h"

#include "base/error.h"
#include "base/text.h"
#include "net/listen.h"
#include "pki/openssl.h"

#include <array>
#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <string_view>
#include <thread>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::net {
namespace {

using base::Error;
using base::Fault;
using ContextHandle = base::Handle<SSL_CTX, SSL_CTX_free>;
using ConnectionHandle = base::Handle<SSL, SSL_free>;

constexpr std::string_view kProtocol = "acme-tls/1";
constexpr std::chrono::seconds kPatience{10};
constexpr std::size_t kMostConnections = 64;

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned size, void*) noexcept {
  for (unsigned at = 0; at < size && at + 1 + offered[at] <= size; at += 1 + offered[at]) {
    const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
    if (name != kProtocol) continue;
    *chosen = offered + at + 1;
    *length = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Who offers no protocol at all is never asked by choose_protocol.
int require_protocol(SSL* connection, int* alert, void*) noexcept {
  const unsigned char* offered = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_application_layer_protocol_negotiation, &offered, &size) == 1)
    return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

}  // namespace

struct TlsAlpnServer::State {
  std::function<std::optional<TlsIdentity>(const std::string&)> find;
  ContextHandle context;
  Listening listening;
  base::FileDescriptor stop;  // readable from when the server ends

  struct Connection {
    std::atomic<bool> done = false;
    std::jthread thread;
  };
  std::list<Connection> connections;  // of the accepting thread
  std::jthread accepting;

  // 1: shown; 0: refused.
  static int show_certificate(SSL* connection, void* context) noexcept {
    auto& state = *static_cast<State*>(context);
    try {
      const char* const name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
      if (name == nullptr) return 0;
      const auto identity = state.find(base::lower(name));
      if (!identity) return 0;
      const base::Bytes& der = identity->certificate.der();
      return SSL_use_certificate_ASN1(connection, der.data(), static_cast<int>(der.size())) == 1 &&
                     SSL_use_PrivateKey(connection, pki::native(identity->key)) == 1
                 ? 1
                 : 0;
    } catch (const std::exception&) {
      return 0;
    }
  }

  // Waits until `socket` is ready; false at the deadline or the server's end.
  bool wait(int socket, short events, std::chrono::steady_clock::time_point deadline) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> waited{pollfd{socket, events, 0}, pollfd{stop.get(), POLLIN, 0}};
    const int ready = ::poll(waited.data(), waited.size(), static_cast<int>(left));
    return ready > 0 && waited[1].revents == 0;
  }

  void serve(const base::FileDescriptor& socket) const {
    const ConnectionHandle connection(SSL_new(context.get()));
    if (!connection || SSL_set_fd(connection.get(), socket.get()) != 1) return ERR_clear_error();
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      const int result = SSL_accept(connection.get());
      const int problem = result == 1 ? SSL_ERROR_NONE : SSL_get_error(connection.get(), result);
      ERR_clear_error();
      if (problem == SSL_ERROR_WANT_READ && wait(socket.get(), POLLIN, deadline)) continue;
      if (problem == SSL_ERROR_WANT_WRITE && wait(socket.get(), POLLOUT, deadline)) continue;
      if (problem == SSL_ERROR_NONE) SSL_shutdown(connection.get());
      break;
    }
    ERR_clear_error();
  }

  void accept_all() {
    for (;;) {
      std::array<pollfd, 2> waited{pollfd{listening.socket.get(), POLLIN, 0}, pollfd{stop.get(), POLLIN, 0}};
      if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
      if (waited[1].revents != 0) return;
      std::erase_if(connections, [](const Connection& one) { return one.done.load(); });
      base::FileDescriptor socket(::accept4(listening.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) {
        // Descriptors may have run out; what waits stays readable.
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        continue;
      }
      if (connections.size() >= kMostConnections) continue;
      Connection& one = connections.emplace_back();
      one.thread = std::jthread([this, &one, held = std::move(socket)]() mutable {
        serve(held);
        held.reset();
        one.done = true;
      });
    }
  }
};

TlsAlpnServer::TlsAlpnServer(const std::string& address, std::uint16_t port,
                             std::function<std::optional<TlsIdentity>(const std::string&)> find)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.find = std::move(find);
  state.context.reset(SSL_CTX_new(TLS_server_method()));
  if (!state.context) pki::throw_openssl(Fault::internal, "cannot make a TLS server");
  SSL_CTX_set_min_proto_version(state.context.get(), TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(state.context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_client_hello_cb(state.context.get(), require_protocol, nullptr);
  SSL_CTX_set_alpn_select_cb(state.context.get(), choose_protocol, nullptr);
  SSL_CTX_set_cert_cb(state.context.get(), State::show_certificate, &state);
  state.listening = listen_on(address, port);
  state.stop = base::FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  if (!state.stop) throw base::errno_error("make", "an event descriptor");
  state.accepting = std::jthread([&state] { state.accept_all(); });
}

TlsAlpnServer::~TlsAlpnServer() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(state_->stop.get(), &one, sizeof one));
  state_->accepting.join();
  state_->connections.clear();
}

std::uint16_t TlsAlpnServer::port() const noexcept { return state_->listening.port; }

}  // namespace everseal::net
