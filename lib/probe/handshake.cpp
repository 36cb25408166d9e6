#include "probe/handshake.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

namespace everseal::probe {

using base::BytesView;
using base::Error;
using base::Fault;

namespace {

constexpr long kLongestChain = 1 << 20;  // octets of a Certificate message
constexpr int kAlertHandshakeFailure = 40;
constexpr int kAlertBadCertificate = 42;
constexpr int kAlertAccessDenied = 49;
constexpr int kAlertCertificateRequired = 116;

// What the peer said during one handshake, as it said it.
struct Observed {
  Connection& connection;
  std::vector<base::Bytes> chain;
  bool certificate_requested = false;
  bool ticket = false;
  std::optional<int> alert;     // the last one from the peer
  std::array<char, 64> head{};  // the first octets from the peer
  std::size_t head_size = 0;
  bool closed = false;
  int lost = 0;  // errno of the socket
};

// Cuts a number of `octets` octets off the front; nullopt where there are fewer.
std::optional<std::size_t> take_number(BytesView& bytes, std::size_t octets) {
  if (bytes.size() < octets) return std::nullopt;
  std::size_t number = 0;
  for (const std::uint8_t octet : bytes.first(octets)) number = (number << 8U) | octet;
  bytes = bytes.subspan(octets);
  return number;
}

std::optional<BytesView> take_vector(BytesView& bytes, std::size_t length_octets) {
  const auto length = take_number(bytes, length_octets);
  if (!length || *length > bytes.size()) return std::nullopt;
  const BytesView taken = bytes.first(*length);
  bytes = bytes.subspan(*length);
  return taken;
}

// The certificates of a Certificate message (RFC 5246 section 7.4.2, RFC 8446 section 4.4.2), also those that the
// library cannot parse.
std::vector<base::Bytes> certificates_of(BytesView body, bool tls13) {
  std::vector<base::Bytes> chain;
  if (tls13 && !take_vector(body, 1)) return chain;
  auto list = take_vector(body, 3);
  while (list && !list->empty()) {
    const auto der = take_vector(*list, 3);
    if (!der) break;
    chain.emplace_back(der->begin(), der->end());
    if (tls13 && !take_vector(*list, 2)) break;
  }
  return chain;
}

void on_message(int sent, int, int content, const void* data, std::size_t size, SSL* ssl, void* argument) {
  if (sent != 0) return;
  auto& observed = *static_cast<Observed*>(argument);
  const BytesView bytes(static_cast<const std::uint8_t*>(data), size);
  if (content == SSL3_RT_ALERT && size == 2) observed.alert = bytes[1];
  if (content != SSL3_RT_HANDSHAKE || size < 4) return;
  switch (bytes[0]) {
    case SSL3_MT_CERTIFICATE:
      observed.chain = certificates_of(bytes.subspan(4), SSL_version(ssl) >= TLS1_3_VERSION);
      break;
    case SSL3_MT_CERTIFICATE_REQUEST:
      observed.certificate_requested = true;
      break;
    case SSL3_MT_NEWSESSION_TICKET:
      observed.ticket = true;
      break;
    default:
      break;
  }
}

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL, so that a peer's reset would end the process.
int write_socket(BIO* bio, const char* data, int size) {
  auto& observed = *static_cast<Observed*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(observed.connection.descriptor(), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<int>(sent);
  if (errno == EAGAIN || errno == EINTR) {
    BIO_set_retry_write(bio);
  } else {
    observed.lost = errno;
  }
  return -1;
}

int read_socket(BIO* bio, char* data, int size) {
  auto& observed = *static_cast<Observed*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(observed.connection.descriptor(), data, static_cast<std::size_t>(size), 0);
  if (got > 0) {
    const std::size_t kept = std::min(static_cast<std::size_t>(got), observed.head.size() - observed.head_size);
    std::copy_n(data, kept, observed.head.begin() + static_cast<std::ptrdiff_t>(observed.head_size));
    observed.head_size += kept;
    return static_cast<int>(got);
  }
  if (got == 0) {
    observed.closed = true;
    return 0;
  }
  if (errno == EAGAIN || errno == EINTR) {
    BIO_set_retry_read(bio);
  } else {
    observed.lost = errno;
  }
  return -1;
}

long control_socket(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return static_cast<Observed*>(BIO_get_data(bio))->closed ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* make_socket_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "probe socket");
  if (method == nullptr) return nullptr;
  BIO_meth_set_write(method, write_socket);
  BIO_meth_set_read(method, read_socket);
  BIO_meth_set_ctrl(method, control_socket);
  return method;
}

const BIO_METHOD* socket_method() {
  static const base::Handle<BIO_METHOD, BIO_meth_free> method(make_socket_method());
  return method.get();
}

SslHandle make_session(SSL_CTX& context, const Target& target, const std::string& sni, Observed& observed) {
  SslHandle ssl(SSL_new(&context));
  if (!ssl) pki::throw_openssl(Fault::internal, "cannot begin a TLS session");
  BIO* bio = socket_method() == nullptr ? nullptr : BIO_new(socket_method());
  if (bio == nullptr) pki::throw_openssl(Fault::internal, "cannot begin a TLS session");
  BIO_set_data(bio, &observed);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_msg_callback(ssl.get(), on_message);
  SSL_set_msg_callback_arg(ssl.get(), &observed);
  if (!sni.empty() && SSL_set_tlsext_host_name(ssl.get(), sni.c_str()) != 1) {
    pki::throw_openssl(Fault::usage, fmt::format("cannot ask for the name {}", base::printable(sni)));
  }
  if (target.key && SSL_set1_sigalgs_list(ssl.get(), signature_algorithms(*target.key)) != 1)
    pki::throw_openssl(Fault::internal, "cannot choose signature algorithms");
  base::Bytes protocols;
  for (const std::string& protocol : target.alpn) {
    if (protocol.empty() || protocol.size() > 255) throw Error(Fault::usage, "an ALPN name has 1 to 255 octets");
    protocols.push_back(static_cast<std::uint8_t>(protocol.size()));
    protocols.insert(protocols.end(), protocol.begin(), protocol.end());
  }
  if (!protocols.empty()) {
    SSL_set_alpn_protos(ssl.get(), protocols.data(), static_cast<unsigned>(protocols.size()));
  }
  SSL_set_tlsext_status_type(ssl.get(), TLSEXT_STATUSTYPE_ocsp);
  return ssl;
}

enum class Step { done, timed_out, failed };

// Runs a call of the library to its end on the non-blocking socket.
template <class Call>
Step drive(SSL* ssl, Connection& connection, Clock::time_point until, Call call) {
  while (true) {
    ERR_clear_error();
    const int result = call(ssl);
    if (result > 0) return Step::done;
    const int wanted = SSL_get_error(ssl, result);
    if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) return Step::failed;
    const short events = wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    if (connection.waiter().wait(connection.descriptor(), events, until) == Waiter::Ended::timed_out) {
      return Step::timed_out;
    }
  }
}

bool asks_for_certificate(const Observed& observed) {
  if (!observed.certificate_requested || !observed.alert) return false;
  return *observed.alert == kAlertCertificateRequired || *observed.alert == kAlertHandshakeFailure ||
         *observed.alert == kAlertBadCertificate || *observed.alert == kAlertAccessDenied;
}

// True where the first octets are no TLS record (RFC 8446 section 5.1).
bool is_other_protocol(const Observed& observed) {
  if (observed.head_size == 0) return false;
  const auto type = static_cast<unsigned char>(observed.head[0]);
  if (type < SSL3_RT_CHANGE_CIPHER_SPEC || type > SSL3_RT_APPLICATION_DATA) return true;
  return observed.head_size > 1 && observed.head[1] != 3;
}

std::string first_line(const Observed& observed) {
  std::string_view head(observed.head.data(), observed.head_size);
  return base::printable(head.substr(0, std::min(head.find_first_of("\r\n"), head.size())));
}

// The library reads the head of a record only; what came with it tells people whom they reached.
void read_more(Observed& observed) {
  const ssize_t got = ::recv(observed.connection.descriptor(), observed.head.data() + observed.head_size,
                             observed.head.size() - observed.head_size, 0);
  if (got > 0) observed.head_size += static_cast<std::size_t>(got);
}

void explain_failure(Observed& observed, Capture& capture) {
  const std::string reason = pki::drain_errors();
  if (is_other_protocol(observed)) {
    read_more(observed);
    capture.outcome = Outcome::not_tls;
    capture.problem = fmt::format("the peer does not speak TLS here; it answered \"{}\"", first_line(observed));
    return;
  }
  if (observed.head_size == 0) {
    capture.outcome = Outcome::unreachable;
    capture.problem = observed.lost != 0 ? fmt::format("the connection was lost before the peer answered: {}",
                                                       base::lower(std::strerror(observed.lost)))
                                         : "the peer closed the connection without an answer";
    return;
  }
  capture.outcome = Outcome::handshake_failed;
  if (observed.alert) {
    capture.problem = fmt::format("the peer ended the handshake with alert {} ({})", *observed.alert,
                                  SSL_alert_desc_string_long(*observed.alert));
  } else if (observed.closed || observed.lost != 0) {
    capture.problem = "the peer broke the connection off in the middle of the handshake";
  } else {
    capture.problem = fmt::format("the handshake failed: {}", reason.empty() ? "no reason given" : reason);
  }
}

std::string group_of(SSL* ssl) {
  EVP_PKEY* raw = nullptr;
  if (SSL_get_peer_tmp_key(ssl, &raw) != 1) return {};
  const pki::KeyHandle key(raw);
  char name[64];
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key.get(), name, sizeof name, &size) == 1) {
    const int nid = OBJ_txt2nid(name);
    const char* nist = nid == NID_undef ? nullptr : EC_curve_nid2nist(nid);
    return nist != nullptr ? nist : std::string(name, size);
  }
  const char* type = EVP_PKEY_get0_type_name(key.get());
  if (EVP_PKEY_is_a(key.get(), "DH") == 1) return fmt::format("DH {}", EVP_PKEY_get_bits(key.get()));
  return type == nullptr ? "" : type;
}

void read_session(SSL* ssl, Capture& capture) {
  capture.tls_version = SSL_get_version(ssl);
  if (const char* cipher = SSL_get_cipher_name(ssl); cipher != nullptr) capture.cipher = cipher;
  capture.group = group_of(ssl);
  const unsigned char* text = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &text, &size);
  if (text != nullptr) capture.alpn = base::Untrusted(std::string(reinterpret_cast<const char*>(text), size));
  const unsigned char* response = nullptr;
  const long length = SSL_get_tlsext_status_ocsp_resp(ssl, &response);
  if (response != nullptr && length > 0) capture.ocsp_response.assign(response, response + length);
}

// In TLS 1.3 a server refuses the missing certificate only after the client has ended its handshake (RFC 8446 section
// 4.4.2.4). A ticket, data or a while of silence mean that it does not.
void await_refusal(SSL* ssl, Connection& connection, Clock::time_point deadline, std::chrono::microseconds handshake,
                   Observed& observed) {
  const auto patience = std::clamp<std::chrono::microseconds>(3 * handshake, std::chrono::milliseconds(300),
                                                              std::chrono::milliseconds(2'000));
  const auto until = std::min(deadline, Clock::now() + patience);
  while (!observed.ticket && !observed.alert) {
    char octet = 0;
    ERR_clear_error();
    const int result = SSL_read(ssl, &octet, 1);
    if (result > 0 || SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) return;
    if (observed.ticket ||
        connection.waiter().wait(connection.descriptor(), POLLIN, until) == Waiter::Ended::timed_out) {
      return;
    }
  }
}

}  // namespace

const char* signature_algorithms(pki::KeyType type) noexcept {
  switch (type) {
    case pki::KeyType::ecdsa_p256:
    case pki::KeyType::ecdsa_p384:
      return "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ECDSA+SHA1";
    case pki::KeyType::rsa_2048:
    case pki::KeyType::rsa_3072:
    case pki::KeyType::rsa_4096:
      return "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512:RSA+SHA1";
    case pki::KeyType::ed25519:
      return "ed25519";
  }
  return "";
}

SslContextHandle make_context() {
  SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  if (!context) pki::throw_openssl(Fault::internal, "cannot make a TLS context");
  SSL_CTX_set_security_level(context.get(), 0);
  // Only looked at: a weak peer must show its certificate too.
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), 0);
  if (SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0") != 1) {
    pki::throw_openssl(Fault::internal, "cannot choose TLS ciphers");
  }
  SSL_CTX_set_options(context.get(), SSL_OP_LEGACY_SERVER_CONNECT);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list(context.get(), kLongestChain);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  // Without this the library would build and check a chain although its verdict is not asked for.
  SSL_CTX_set_cert_verify_callback(
      context.get(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  return context;
}

void shake_hands(SSL_CTX& context, Connection& connection, const Target& target, const std::string& sni,
                 std::chrono::milliseconds limit, Capture& capture) {
  Observed observed{.connection = connection};
  capture.phase = Phase::handshake;
  ERR_clear_error();
  const SslHandle ssl = make_session(context, target, sni, observed);
  const auto deadline = connection.waiter().within(limit);
  const auto began = Clock::now();
  const Step ended = drive(ssl.get(), connection, deadline, SSL_connect);
  capture.handshake_time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);

  if (ended == Step::done && observed.certificate_requested && SSL_version(ssl.get()) >= TLS1_3_VERSION) {
    await_refusal(ssl.get(), connection, deadline, capture.handshake_time, observed);
  }
  capture.chain = std::move(observed.chain);
  capture.alert = observed.alert;
  capture.client_certificate_requested = observed.certificate_requested;
  capture.client_certificate_required = asks_for_certificate(observed);
  if (ended == Step::timed_out) {
    capture.outcome = Outcome::timed_out;
    capture.problem = observed.head_size == 0
                          ? "the peer accepted the connection but did not answer the TLS handshake in time"
                          : "the TLS handshake did not end in time";
  } else if (ended == Step::failed && !capture.client_certificate_required) {
    explain_failure(observed, capture);
  } else {
    capture.outcome = Outcome::complete;
  }
  if (SSL_version(ssl.get()) != 0 && !capture.chain.empty()) read_session(ssl.get(), capture);
  if (ended == Step::done) SSL_shutdown(ssl.get());  // one close_notify; its answer is not waited for
  ERR_clear_error();
}

}  // namespace everseal::probe
