#include "probe/handshake.h"

#include "base/error.h"
#include "base/text.h"
#include "pki/asn1.h"
#include "probe/hello.h"
#include "probe/starttls.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace everseal::probe {

using base::Error;
using base::Fault;

namespace {

constexpr int kMostAuthorities = 1000;
constexpr int kAlertHandshakeFailure = 40;
constexpr int kAlertBadCertificate = 42;
constexpr int kAlertAccessDenied = 49;
constexpr int kAlertUserCanceled = 90;
constexpr int kAlertCertificateRequired = 116;

// True where the first octets are no TLS record (RFC 8446 section 5.1).
bool is_other_protocol(std::string_view head) {
  if (head.empty()) return false;
  const auto type = static_cast<unsigned char>(head[0]);
  if (type < SSL3_RT_CHANGE_CIPHER_SPEC || type > SSL3_RT_APPLICATION_DATA) return true;
  return head.size() > 1 && head[1] != 3;
}

std::string first_line(std::string_view head) {
  return base::printable(head.substr(0, std::min(head.find_first_of("\r\n"), head.size())));
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

SslContextHandle make_context(Offer offer) {
  SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  if (!context) pki::throw_openssl(Fault::internal, "cannot make a TLS context");
  // Only looked at: a weak peer must show its certificate too.
  SSL_CTX_set_security_level(context.get(), 0);
  const bool usual = offer == Offer::usual;
  SSL_CTX_set_min_proto_version(context.get(), usual ? TLS1_2_VERSION : TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), 0);
  if (SSL_CTX_set_cipher_list(context.get(),
                              usual ? "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=0" : "ALL:eNULL:@SECLEVEL=0") != 1 ||
      (usual && SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384") != 1)) {
    pki::throw_openssl(Fault::internal, "cannot choose TLS ciphers");
  }
  SSL_CTX_set_options(context.get(), SSL_OP_LEGACY_SERVER_CONNECT);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_max_cert_list(context.get(), static_cast<long>(kLongestChain));
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  // Without this the library would build and check a chain although its verdict is not asked for.
  SSL_CTX_set_cert_verify_callback(
      context.get(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  return context;
}

void Handshake::on_message(int sent, int, int content, const void* data, std::size_t size, SSL* ssl, void* argument) {
  if (sent != 0) return;
  auto& observed = *static_cast<Observed*>(argument);
  const std::string_view octets(static_cast<const char*>(data), size);
  if (content == SSL3_RT_ALERT && size == 2) {
    const int alert = static_cast<unsigned char>(octets[1]);
    if (alert != SSL_AD_CLOSE_NOTIFY && alert != kAlertUserCanceled) observed.alert = alert;
  }
  if (content != SSL3_RT_HANDSHAKE || size < 4) return;
  switch (octets[0]) {
    case SSL3_MT_CERTIFICATE:
      observed.chain = read_certificates(octets.substr(4), SSL_version(ssl) >= TLS1_3_VERSION);
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

int Handshake::write_wire(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  Wire& wire = static_cast<Observed*>(BIO_get_data(bio))->wire;
  if (wire.error() != 0) return -1;
  wire.send({data, static_cast<std::size_t>(size)});
  return size;
}

int Handshake::read_wire(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  Wire& wire = static_cast<Observed*>(BIO_get_data(bio))->wire;
  std::size_t count = 0;
  switch (wire.receive(data, static_cast<std::size_t>(size), count)) {
    case Wire::Got::some:
      return static_cast<int>(count);
    case Wire::Got::nothing_yet:
      BIO_set_retry_read(bio);
      return -1;
    case Wire::Got::end:
      return 0;
    case Wire::Got::broken:
      return -1;
  }
  return -1;
}

long Handshake::control_wire(BIO* bio, int command, long, void*) {
  Wire& wire = static_cast<Observed*>(BIO_get_data(bio))->wire;
  if (command == BIO_CTRL_EOF) return wire.ended() ? 1 : 0;
  if (command != BIO_CTRL_FLUSH) return 0;
  wire.flush();
  return 1;
}

BIO_METHOD* Handshake::make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "probe");
  if (method == nullptr) return nullptr;
  BIO_meth_set_write(method, write_wire);
  BIO_meth_set_read(method, read_wire);
  BIO_meth_set_ctrl(method, control_wire);
  return method;
}

const BIO_METHOD* Handshake::method() {
  static const base::Handle<BIO_METHOD, BIO_meth_free> made(make_method());
  return made.get();
}

Handshake::Handshake(SSL_CTX& context, Wire& wire, const Wanted& wanted)
    : observed_{.wire = wire}, has_certificate_(wanted.target.client != nullptr), ssl_(SSL_new(&context)) {
  ERR_clear_error();
  BIO* const bio = !ssl_ || method() == nullptr ? nullptr : BIO_new(method());
  if (bio == nullptr) pki::throw_openssl(Fault::internal, "cannot begin a TLS session");
  SSL* const ssl = ssl_.get();
  BIO_set_data(bio, &observed_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_msg_callback(ssl, on_message);
  SSL_set_msg_callback_arg(ssl, &observed_);
  if (!wanted.server_name.empty() && SSL_set_tlsext_host_name(ssl, wanted.server_name.c_str()) != 1)
    pki::throw_openssl(Fault::usage, fmt::format("cannot ask for the name {}", base::printable(wanted.server_name)));
  if (wanted.key && SSL_set1_sigalgs_list(ssl, signature_algorithms(*wanted.key)) != 1)
    pki::throw_openssl(Fault::internal, "cannot choose signature algorithms");
  base::Bytes protocols;
  const auto offer = [&](std::string_view protocol) {
    protocols.push_back(static_cast<std::uint8_t>(protocol.size()));
    protocols.insert(protocols.end(), protocol.begin(), protocol.end());
  };
  if (!wanted.protocol.empty())
    offer(wanted.protocol);
  else
    for (const std::string& protocol : wanted.target.alpn) offer(protocol);
  if (!protocols.empty()) SSL_set_alpn_protos(ssl, protocols.data(), static_cast<unsigned>(protocols.size()));
  SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
  if (wanted.target.client) show_client_certificate(*wanted.target.client);
  if (wanted.resume != nullptr) SSL_set_session(ssl, wanted.resume);
}

void Handshake::show_client_certificate(const ClientCertificate& client) {
  for (std::size_t i = 0; i < client.chain.size(); ++i) {
    const unsigned char* at = client.chain[i].data();
    const pki::X509Handle certificate(d2i_X509(nullptr, &at, static_cast<long>(client.chain[i].size())));
    const bool taken = certificate && (i == 0 ? SSL_use_certificate(ssl_.get(), certificate.get()) == 1
                                              : SSL_add1_chain_cert(ssl_.get(), certificate.get()) == 1);
    if (!taken) pki::throw_openssl(Fault::usage, "cannot use the client certificate");
  }
  if (SSL_use_PrivateKey(ssl_.get(), pki::native(client.key)) != 1)
    pki::throw_openssl(Fault::usage, "cannot use the key of the client certificate");
}

Handshake::Step Handshake::run(int result) {
  if (result > 0) return Step::done;
  const int wanted = SSL_get_error(ssl_.get(), result);
  return wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE ? Step::waiting : Step::failed;
}

Handshake::Step Handshake::shake() {
  ERR_clear_error();
  return run(SSL_connect(ssl_.get()));
}

Handshake::Step Handshake::listen() {
  if (observed_.ticket || observed_.alert) return Step::done;
  char octet = 0;
  ERR_clear_error();
  const Step step = run(SSL_read(ssl_.get(), &octet, 1));
  return step == Step::waiting && !observed_.ticket && !observed_.alert ? Step::waiting : Step::done;
}

void Handshake::say(std::string_view text) {
  ERR_clear_error();
  SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  observed_.wire.flush();
}

Handshake::Step Handshake::hear(std::string& heard, std::size_t most) {
  while (heard.size() < most) {
    char data[4096];
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), data, sizeof data);
    if (got <= 0) return run(got) == Step::waiting ? Step::waiting : Step::done;
    heard.append(data, static_cast<std::size_t>(got));
  }
  return Step::done;
}

SessionHandle Handshake::session() const {
  SessionHandle session(SSL_get1_session(ssl_.get()));
  if (session && SSL_SESSION_is_resumable(session.get()) != 1) session.reset();
  return session;
}

bool Handshake::refused_without_certificate() const {
  if (!observed_.certificate_requested || has_certificate_ || !observed_.alert) return false;
  return *observed_.alert == kAlertCertificateRequired || *observed_.alert == kAlertHandshakeFailure ||
         *observed_.alert == kAlertBadCertificate || *observed_.alert == kAlertAccessDenied;
}

void Handshake::explain_failure(Capture& capture) {
  const bool too_long = ERR_GET_REASON(ERR_peek_error()) == SSL_R_EXCESSIVE_MESSAGE_SIZE;
  const std::string reason = pki::drain_errors();
  Wire& wire = observed_.wire;
  if (is_other_protocol(wire.head())) {
    capture.outcome = Outcome::not_tls;
    const Starttls* const greeting = starttls_greeting(wire.head());
    if (greeting != nullptr) capture.greeting = greeting->name;
    capture.problem = fmt::format(
        "the peer does not speak TLS {}; it answered \"{}\"{}", greeting == nullptr ? "here" : "at once",
        first_line(wire.head()),
        greeting == nullptr ? "" : fmt::format(", as {} does, which switches to TLS on request", greeting->name));
    return;
  }
  if (wire.head().empty()) {
    capture.outcome = Outcome::unreachable;
    capture.problem = wire.error() != 0 ? fmt::format("the connection was lost before the peer answered: {}",
                                                      base::errno_text(wire.error()))
                                        : "the peer closed the connection without an answer";
    return;
  }
  capture.outcome = Outcome::handshake_failed;
  if (observed_.alert) {
    capture.problem = fmt::format("the peer ended the handshake with alert {} ({})", *observed_.alert,
                                  SSL_alert_desc_string_long(*observed_.alert));
  } else if (too_long && SSL_get_state(ssl_.get()) == TLS_ST_CR_CERT) {
    capture.outcome = Outcome::chain_too_large;
    capture.problem = fmt::format("the peer sends more than {} KiB of certificates", kLongestChain / 1024);
  } else if (wire.ended() || wire.error() != 0) {
    capture.problem = "the peer broke the connection off in the middle of the handshake";
  } else {
    capture.problem = fmt::format("the handshake failed: {}", reason.empty() ? "no reason given" : reason);
  }
}

std::string_view Handshake::protocol() const {
  const unsigned char* text = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &text, &size);
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(text), size);
}

void Handshake::read_session(Capture& capture) {
  SSL* const ssl = ssl_.get();
  capture.tls_version = SSL_get_version(ssl);
  if (const char* cipher = SSL_get_cipher_name(ssl); cipher != nullptr) capture.cipher = cipher;
  capture.group = group_of(ssl);
  capture.alpn = base::Untrusted(std::string(protocol()));
  const unsigned char* response = nullptr;
  const long length = SSL_get_tlsext_status_ocsp_resp(ssl, &response);
  if (response != nullptr && length > 0) capture.ocsp_response.assign(response, response + length);
}

void Handshake::show(Step ended, Capture& capture) {
  capture.alert = observed_.alert;
  capture.client_certificate_requested = observed_.certificate_requested;
  capture.client_certificate_required = refused_without_certificate();
  const STACK_OF(X509_NAME)* const authorities = SSL_get0_peer_CA_list(ssl_.get());
  for (int i = 0; i < std::min(sk_X509_NAME_num(authorities), kMostAuthorities); ++i)
    capture.client_authorities.push_back(pki::name_text(sk_X509_NAME_value(authorities, i)));
  if (ended == Step::waiting) {
    capture.outcome = Outcome::timed_out;
    capture.problem = observed_.wire.head().empty()
                          ? "the peer accepted the connection but did not answer the TLS handshake in time"
                          : "the TLS handshake did not end in time";
  } else if (capture.client_certificate_required) {
    capture.outcome = Outcome::complete;
  } else if (ended == Step::failed || (has_certificate_ && observed_.certificate_requested && observed_.alert)) {
    explain_failure(capture);
  } else {
    capture.outcome = Outcome::complete;
  }
  capture.chain = std::move(observed_.chain);
  if (SSL_version(ssl_.get()) != 0 && (capture.outcome == Outcome::complete || !capture.chain.empty()))
    read_session(capture);
  ERR_clear_error();
}

void Handshake::say_goodbye() {
  SSL_shutdown(ssl_.get());
  observed_.wire.flush();
  ERR_clear_error();
}

}  // namespace everseal::probe
