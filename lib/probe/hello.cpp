#include "probe/hello.h"

#include "pki/digest.h"
#include "pki/openssl.h"
#include "probe/octets.h"

#include <array>

namespace everseal::probe {
namespace {

constexpr std::uint16_t kSsl3 = 0x0300, kTls12 = 0x0303, kTls13 = 0x0304;
constexpr std::size_t kRecordHead = 5, kLongestRecord = 16'384 + 256;
constexpr char kNamedCurve = 3;

using Kind = ServerHello::Kind;

enum class Extension : std::uint16_t {
  server_name = 0,
  supported_groups = 10,
  point_formats = 11,
  signature_algorithms = 13,
  padding = 21,
  extended_master_secret = 23,
  supported_versions = 43,
  key_share = 51,
  renegotiation_info = 0xff01,
};

std::string number(std::size_t value, int octets) {
  std::string text;
  for (int i = octets - 1; i >= 0; --i) text += static_cast<char>(value >> (8U * static_cast<unsigned>(i)) & 0xffU);
  return text;
}

// A vector with its length before it (RFC 8446 section 3.4).
std::string sized(std::string_view content, int octets) { return number(content.size(), octets).append(content); }

std::string list(const std::vector<std::uint16_t>& values) {
  std::string text;
  for (const std::uint16_t value : values) text += number(value, 2);
  return text;
}

std::string extension(Extension type, std::string_view content) {
  return number(static_cast<std::uint16_t>(type), 2) + sized(content, 2);
}

std::string random_octets(std::size_t size) { return std::string(base::as_text(pki::random_bytes(size))); }

std::uint16_t code_of(std::string_view text) { return static_cast<std::uint16_t>(big_endian(text)); }

bool is(std::string_view type, Extension wanted) { return code_of(type) == static_cast<std::uint16_t>(wanted); }

// The body of a ServerHello (RFC 8446 section 4.1.3); kind no_tls where it is broken.
ServerHello read_body(std::string_view body) {
  ServerHello hello{.kind = Kind::no_tls};
  const auto version = take(body, 2);
  const auto random = take(body, 32);
  const auto session = take_sized(body, 1);
  const auto cipher = take(body, 2);
  if (!version || !random || !session || !cipher || !take(body, 1)) return hello;
  hello.kind = Kind::hello;
  hello.version = code_of(*version);
  hello.cipher = code_of(*cipher);
  auto extensions = take_sized(body, 2);
  while (extensions && !extensions->empty()) {
    const auto type = take(*extensions, 2);
    const auto content = take_sized(*extensions, 2);
    if (!type || !content) break;
    if (content->size() >= 2 && is(*type, Extension::supported_versions))
      hello.version = code_of(content->substr(0, 2));
    if (content->size() >= 2 && is(*type, Extension::key_share)) hello.group = code_of(content->substr(0, 2));
  }
  return hello;
}

}  // namespace

std::string ClientHello::record() const {
  std::string extensions;
  if (!server_name.empty())
    extensions += extension(Extension::server_name, sized(number(0, 1) + sized(server_name, 2), 2));
  extensions += extension(Extension::supported_groups, sized(list(groups), 2));
  extensions += extension(Extension::point_formats, sized(number(0, 1), 1));
  extensions += extension(
      Extension::signature_algorithms,
      sized(list({0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201}), 2));
  extensions += extension(Extension::extended_master_secret, {});
  extensions += extension(Extension::renegotiation_info, number(0, 1));
  const bool tls13 = !versions.empty() && versions.front() >= kTls13;
  if (tls13) {
    extensions += extension(Extension::supported_versions, sized(list(versions), 1));
    extensions += extension(Extension::key_share, sized({}, 2));
  }
  // Beside the extensions: heads of record and message, version, random octets, session, compression, lengths.
  const std::size_t size = extensions.size() + 5 + 4 + 2 + 32 + 33 + 2 + 2 * ciphers.size() + 2 + 2 + 4;
  if (size < least) extensions += extension(Extension::padding, std::string(least - size, '\0'));
  const bool ssl3 = !versions.empty() && versions.front() == kSsl3;
  const std::string body = number(tls13 ? kTls12 : versions.front(), 2) + random_octets(32) +
                           sized(random_octets(32), 1) + sized(list(ciphers), 2) + sized(number(0, 1), 1) +
                           (ssl3 ? std::string() : sized(extensions, 2));
  return number(SSL3_RT_HANDSHAKE, 1) + number(ssl3 ? kSsl3 : 0x0301, 2) +
         sized(number(SSL3_MT_CLIENT_HELLO, 1) + sized(body, 3), 2);
}

ClientHello usual_hello(const std::string& server_name) {
  return {.server_name = server_name,
          .versions = {kTls13, kTls12},
          .ciphers = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
                      0x009d, 0x002f, 0x0035},
          .groups = {0x001d, 0x0017, 0x0018}};
}

ClientHello hello_for_key(const std::string& server_name, KeyFamily family) {
  return {.server_name = server_name,
          .versions = {kTls12},
          .ciphers = family == KeyFamily::rsa
                         ? std::vector<std::uint16_t>{0xc02f, 0xc030, 0xcca8, 0x009e, 0x009f, 0xc027, 0xc028, 0xc013,
                                                      0xc014, 0x009c, 0x009d, 0x002f, 0x0035, 0x000a}
                         : std::vector<std::uint16_t>{0xc02b, 0xc02c, 0xcca9, 0xc023, 0xc024, 0xc009, 0xc00a},
          .groups = {0x001d, 0x0017, 0x0018, 0x0019}};
}

std::vector<base::Bytes> read_certificates(std::string_view body, bool tls13) {
  std::vector<base::Bytes> chain;
  if (tls13 && !take_sized(body, 1)) return chain;
  auto list = take_sized(body, 3);
  while (list && !list->empty()) {
    const auto der = take_sized(*list, 3);
    if (!der) break;
    chain.push_back(base::to_bytes(*der));
    if (tls13 && !take_sized(*list, 2)) break;
  }
  return chain;
}

bool ServerFlight::take(std::string_view octets) {
  records_.append(octets);
  std::string_view left = records_;
  bool more = true;
  while (more && !left.empty()) {
    const auto type = static_cast<unsigned char>(left.front());
    if (type != SSL3_RT_HANDSHAKE && type != SSL3_RT_ALERT) return end(Kind::no_tls);
    if (left.size() > 1 && left[1] != '\x03') return end(Kind::no_tls);
    if (left.size() < kRecordHead) break;
    const std::size_t size = big_endian(left.substr(3, 2));
    if (size == 0 || size > kLongestRecord) return end(Kind::no_tls);
    if (left.size() < kRecordHead + size) break;
    more = take_record(type, left.substr(kRecordHead, size));
    left.remove_prefix(kRecordHead + size);
  }
  records_.erase(0, records_.size() - left.size());
  return more;
}

bool ServerFlight::take_record(unsigned char type, std::string_view content) {
  if (type == SSL3_RT_HANDSHAKE) {
    messages_.append(content);
    return take_messages();
  }
  if (content.size() != 2) return end(Kind::no_tls);
  // A warning, as of a name that is not known, is followed by the answer.
  if (content[0] == SSL3_AL_WARNING) return true;
  if (hello_.kind == Kind::none_yet) hello_.alert = static_cast<unsigned char>(content[1]);
  return end(Kind::alert);
}

bool ServerFlight::take_messages() {
  std::string_view left = messages_;
  while (left.size() >= 4) {
    const auto type = static_cast<unsigned char>(left.front());
    const bool first = hello_.kind == Kind::none_yet;
    const std::size_t size = big_endian(left.substr(1, 3));
    if (first && type != SSL3_MT_SERVER_HELLO) return end(Kind::no_tls);
    if (size > (first ? kLongestRecord : kLongestChain)) return end(Kind::no_tls);
    if (left.size() < 4 + size) break;
    if (!take_message(type, left.substr(4, size))) return false;
    left.remove_prefix(4 + size);
  }
  messages_.erase(0, messages_.size() - left.size());
  if (!messages_.empty() && hello_.kind == Kind::none_yet && messages_.front() != SSL3_MT_SERVER_HELLO)
    return end(Kind::no_tls);
  return true;
}

bool ServerFlight::take_message(unsigned char type, std::string_view body) {
  switch (type) {
    case SSL3_MT_SERVER_HELLO:
      if (hello_.kind != Kind::none_yet) return false;
      hello_ = read_body(body);
      return until_ != Until::hello && hello_.kind == Kind::hello && hello_.version < kTls13;
    case SSL3_MT_CERTIFICATE:
      chain_ = read_certificates(body, false);
      return until_ == Until::key_exchange;
    case SSL3_MT_CERTIFICATE_STATUS:
      return until_ == Until::key_exchange;
    case SSL3_MT_SERVER_KEY_EXCHANGE:
      // A named curve (RFC 8422 section 5.4).
      if (until_ == Until::key_exchange && body.size() >= 3 && body[0] == kNamedCurve)
        hello_.group = code_of(body.substr(1, 2));
      return false;
    default:
      return false;
  }
}

// What comes behind a hello takes nothing of it away.
bool ServerFlight::end(Kind kind) {
  if (hello_.kind == Kind::none_yet) hello_.kind = kind;
  return false;
}

}  // namespace everseal::probe
