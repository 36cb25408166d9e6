// Servers on loopback that behave and misbehave as a test tells them.
#pragma once

#include "base/encoding.h"
#include "base/handle.h"
#include "pki/openssl.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::test {

using SslContext = base::Handle<SSL_CTX, SSL_CTX_free>;
using Session = base::Handle<SSL, SSL_free>;

// A listener on ::1 or, of IPv4, any loopback address that hands each connection to `serve` in a thread of its own.
class Server {
 public:
  explicit Server(std::function<void(int)> serve, int family = AF_INET, std::uint32_t host = INADDR_LOOPBACK,
                  int port = 0)
      : serve_(std::move(serve)) {
    socket_ = base::FileDescriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(host);
    four.sin_port = htons(static_cast<std::uint16_t>(port));
    auto* address = family == AF_INET6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    socklen_t size = family == AF_INET6 ? sizeof six : sizeof four;
    if (!socket_ || ::bind(socket_.get(), address, size) != 0 || ::listen(socket_.get(), 16) != 0 ||
        ::getsockname(socket_.get(), address, &size) != 0) {
      throw std::runtime_error("cannot listen on loopback");
    }
    port_ = ntohs(family == AF_INET6 ? six.sin6_port : four.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return port_; }

 private:
  void run(const std::stop_token& stop) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // of this thread only: the probe must do without
    while (!stop.stop_requested()) {
      pollfd polled{socket_.get(), POLLIN, 0};
      if (::poll(&polled, 1, 20) <= 0) continue;
      const base::FileDescriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) continue;
      const timeval limit{10, 0};
      ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      serve_(connection.get());
    }
  }

  std::function<void(int)> serve_;
  base::FileDescriptor socket_;
  int port_ = 0;
  std::jthread thread_;
};

inline void say(int connection, std::string_view text) {
  [[maybe_unused]] const ssize_t sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}
// One line without its end, or "" at the end.
inline std::string hear(int connection) {
  std::string line;
  char c = 0;
  while (::recv(connection, &c, 1, 0) == 1 && c != '\n') {
    if (c != '\r') line.push_back(c);
  }
  return line;
}
inline std::string hear(int connection, std::size_t count) {
  std::string octets(count, '\0');
  const ssize_t got = ::recv(connection, octets.data(), count, MSG_WAITALL);
  octets.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return octets;
}
inline void hear_all(int connection) {
  while (!hear(connection, 1).empty()) {
  }
}

inline pki::KeyHandle ec_key() { return pki::KeyHandle(EVP_EC_gen("P-256")); }
inline pki::KeyHandle rsa_key() { return pki::KeyHandle(EVP_RSA_gen(2048)); }

// A self-signed certificate with its key.
struct Identity {
  pki::KeyHandle key;
  pki::X509Handle certificate;
  base::Bytes der;

  explicit Identity(const std::string& name, pki::KeyHandle its_key = ec_key())
      : key(std::move(its_key)), certificate(X509_new()) {
    static std::atomic<long> serial{1};
    X509* x = certificate.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 86'400);
    X509_NAME* subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(x, subject);
    X509_set_pubkey(x, key.get());
    X509_sign(x, key.get(), EVP_sha256());
    unsigned char* raw = nullptr;
    const int size = i2d_X509(x, &raw);
    der.assign(raw, raw + size);
    OPENSSL_free(raw);
  }
};

inline SslContext server_context(const Identity& identity, int version = 0) {
  SslContext context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  SSL_CTX_use_certificate(context.get(), identity.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), identity.key.get());
  return context;
}

// Shakes hands, then reads until the client is gone.
inline void serve_tls(SSL_CTX* context, int connection) {
  const Session session(SSL_new(context));
  SSL_set_fd(session.get(), connection);
  if (SSL_accept(session.get()) == 1) {
    char octet = 0;
    while (SSL_read(session.get(), &octet, 1) > 0) {
    }
  }
  ERR_clear_error();
}

}  // namespace everseal::test
