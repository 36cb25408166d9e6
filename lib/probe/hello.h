// ClientHello by hand, and what it is answered with: for what is to be known without shaking hands, whatever the
// library can speak.
#pragma once

#include "base/encoding.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::probe {

inline constexpr std::uint16_t kX25519MlKem768 = 0x11ec;

// Code points as IANA registers them (RFC 8446 section 4.2 and appendix B).
struct ClientHello {
  std::string server_name;              // "": none
  std::vector<std::uint16_t> versions;  // 0x0304, 0x0303, ..., highest first
  std::vector<std::uint16_t> ciphers;
  std::vector<std::uint16_t> groups;  // no key is shared: TLS 1.3 answers with the group that it wants
  std::size_t least = 0;              // octets of the record, filled up (RFC 7685); not of SSLv3
  // One record. Throws Error(internal) where the library gives no random octets.
  std::string record() const;
};

// A hello that a usual server of TLS 1.2 or 1.3 answers.
ClientHello usual_hello(const std::string& server_name);

enum class KeyFamily { rsa, elliptic };
// Of TLS 1.2, where only who holds a certificate for a key of that family can answer, and sends it in the clear (RFC
// 5246 sections 7.4.2 and 7.4.3).
ClientHello hello_for_key(const std::string& server_name, KeyFamily family);

// Octets of a Certificate message; ten thousand names in a leaf are 300,000.
inline constexpr std::size_t kLongestChain = 512 * 1024;
// The certificates of the body of a Certificate message (RFC 5246 section 7.4.2, RFC 8446 section 4.4.2) in DER as
// sent, also those that the library cannot parse.
std::vector<base::Bytes> read_certificates(std::string_view body, bool tls13);

struct ServerHello {
  enum class Kind {
    none_yet,
    hello,  // a HelloRetryRequest too
    alert,
    no_tls,
  } kind = Kind::none_yet;
  std::uint16_t version = 0, cipher = 0;
  std::uint16_t group = 0;  // of the key exchange; 0: not told
  int alert = 0;
};

// Reads what a hello is answered with, in pieces as they come.
class ServerFlight {
 public:
  enum class Until {  // what comes behind the hello comes in the clear below TLS 1.3 only
    hello,
    chain,
    key_exchange,  // for its group
  };
  explicit ServerFlight(Until until = Until::hello) : until_(until) {}

  // False: there is no more to be read of it.
  bool take(std::string_view octets);

  const ServerHello& hello() const noexcept { return hello_; }
  // DER as sent, leaf first; empty where none came.
  std::vector<base::Bytes> take_chain() { return std::move(chain_); }

 private:
  bool take_record(unsigned char type, std::string_view content);
  bool take_messages();
  bool take_message(unsigned char type, std::string_view body);
  bool end(ServerHello::Kind kind);  // false

  Until until_;
  std::string records_, messages_;  // what of them is not whole yet
  ServerHello hello_;
  std::vector<base::Bytes> chain_;
};

}  // namespace everseal::probe
