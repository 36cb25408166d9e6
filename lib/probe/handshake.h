// One TLS handshake that is looked at: everything the peer shows is kept, nothing is judged.
#pragma once

#include "base/handle.h"
#include "pki/openssl.h"
#include "probe/probe.h"
#include "probe/wire.h"

#include <memory>
#include <optional>
#include <string>

namespace everseal::probe {

using SslContextHandle = base::Handle<SSL_CTX, SSL_CTX_free>;
using SslHandle = base::Handle<SSL, SSL_free>;
using SessionHandle = base::Handle<SSL_SESSION, SSL_SESSION_free>;

enum class Offer {
  usual,       // TLS 1.2 and 1.3, short lists, one shared key of X25519
  everything,  // all that the library can still speak, for a peer that refused the usual
};
// Builds no chain. For one thread at a time.
SslContextHandle make_context(Offer offer);

class Handshake {
 public:
  struct Wanted {
    const Target& target;
    std::string server_name;          // SNI; "": none
    std::optional<pki::KeyType> key;  // of the certificate that is to be shown
    SSL_SESSION* resume = nullptr;    // goes on with this one
    std::string_view protocol;        // offered by ALPN in place of the target's; "": those
  };
  // `wire` outlives it. Throws Error(internal) where the library fails.
  Handshake(SSL_CTX& context, Wire& wire, const Wanted& wanted);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  enum class Step { waiting, done, failed };
  // As far as the wire goes now.
  Step shake();
  // After the handshake: until the peer has refused the missing certificate, given a ticket, or said anything else. In
  // TLS 1.3 both come only now (RFC 8446 section 4.4.2.4 and 4.6.1).
  Step listen();

  // What goes by TLS after the handshake: says `text`, and appends what comes to `heard`, up to `most` octets. done: no
  // more will come, or there is enough.
  void say(std::string_view text);
  Step hear(std::string& heard, std::size_t most);

  std::string_view protocol() const;  // that ALPN agreed on
  bool is_tls13() const { return SSL_version(ssl_.get()) >= TLS1_3_VERSION; }
  bool certificate_requested() const noexcept { return observed_.certificate_requested; }
  bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  // What a second handshake can go on with; empty where nothing can.
  SessionHandle session() const;

  // All that was seen. `ended`: how shake() ended last; `waiting` where its time was up.
  void show(Step ended, Capture& capture);
  void say_goodbye();  // one close_notify; its answer is not waited for

 private:
  struct Observed {
    Wire& wire;
    std::vector<base::Bytes> chain;
    bool certificate_requested = false;
    bool ticket = false;
    std::optional<int> alert;  // the last one from the peer that ends the connection for a fault
  };
  static void on_message(int sent, int version, int content, const void* data, std::size_t size, SSL* ssl,
                         void* argument);
  static int write_wire(BIO* bio, const char* data, int size);
  static int read_wire(BIO* bio, char* data, int size);
  static long control_wire(BIO* bio, int command, long number, void* data);
  static BIO_METHOD* make_method();
  static const BIO_METHOD* method();

  Step run(int result);
  bool refused_without_certificate() const;
  void explain_failure(Capture& capture);
  void read_session(Capture& capture);
  void show_client_certificate(const ClientCertificate& client);

  Observed observed_;
  bool has_certificate_;
  SslHandle ssl_;
};

}  // namespace everseal::probe
