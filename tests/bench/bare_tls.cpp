#include "bench/bare_tls.h"

#include "base/handle.h"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace everseal::bench {
namespace {

using Context = base::Handle<SSL_CTX, SSL_CTX_free>;

// The probe's options.
Context make_context() {
  Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=0");
  SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384");
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_cert_verify_callback(
      context.get(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  return context;
}

struct Connection {
  std::size_t number = 0;  // of the address
  bool is_second = false;
  base::FileDescriptor socket;
  base::Handle<SSL, SSL_free> ssl;
};

class Client {
 public:
  Client(const BareHandshakes& wanted, std::atomic<std::size_t>& next)
      : wanted_(wanted), next_(next), context_(make_context()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  int run() {
    for (int i = 0; i < wanted_.in_flight; ++i) begin_next();
    std::vector<epoll_event> events(256);
    while (open_ > 0) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 10'000);
      if (count <= 0) throw std::runtime_error("the bare TLS loop waits in vain");
      for (int i = 0; i < count; ++i) go_on(static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    }
    return complete_;
  }

 private:
  void begin_next() {
    const std::size_t number = next_++;
    if (number < wanted_.addresses.size()) begin(number, false);
  }

  void begin(std::size_t number, bool is_second) {
    auto connection = std::make_unique<Connection>();
    connection->number = number;
    connection->is_second = is_second;
    connection->socket = base::FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(wanted_.port));
    ::inet_pton(AF_INET, wanted_.addresses[number].c_str(), &address.sin_addr);
    if (!connection->socket) throw std::runtime_error("the bare TLS loop has no socket left");
    ::connect(connection->socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = connection.get();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->socket.get(), &event);
    connection.release();
    ++open_;
  }

  void go_on(Connection* raw) {
    std::unique_ptr<Connection> connection(raw);
    SSL* ssl = connection->ssl.get();
    if (ssl == nullptr) {
      connection->ssl.reset(ssl = SSL_new(context_.get()));
      SSL_set_fd(ssl, connection->socket.get());
      SSL_set_tlsext_host_name(ssl, wanted_.server_name.c_str());
      if (connection->is_second) {
        SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
        SSL_set_cipher_list(ssl, "aRSA:@SECLEVEL=0");
      }
      SSL_set_connect_state(ssl);
    }
    const int result = SSL_do_handshake(ssl);
    if (result != 1) {
      const int error = SSL_get_error(ssl, result);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        connection.release();
        return;
      }
    }
    const bool has_more = !connection->is_second && wanted_.keys == BareHandshakes::Keys::both;
    if (result == 1 && !connection->is_second && keep_chain(ssl)) ++complete_;
    SSL_shutdown(ssl);
    --open_;
    const std::size_t number = connection->number;
    connection.reset();
    has_more ? begin(number, true) : begin_next();
  }

  static bool keep_chain(SSL* ssl) {
    STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl);
    std::size_t size = 0;
    for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
      unsigned char* der = nullptr;
      const int length = i2d_X509(sk_X509_value(chain, i), &der);
      if (length > 0) size += static_cast<std::size_t>(length);
      OPENSSL_free(der);
    }
    return size > 0;
  }

  const BareHandshakes& wanted_;
  std::atomic<std::size_t>& next_;
  Context context_;
  base::FileDescriptor epoll_;
  int open_ = 0;
  int complete_ = 0;
};

}  // namespace

int shake(const BareHandshakes& wanted) {
  std::atomic<std::size_t> next = 0;
  std::atomic<int> complete = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < wanted.threads; ++i) threads.emplace_back([&] { complete += Client(wanted, next).run(); });
  threads.clear();
  return complete;
}

}  // namespace everseal::bench
