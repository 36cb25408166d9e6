// Java's own key stores, JKS and JCEKS: entries in a row, certificates in the clear, keys encrypted, a keyed SHA-1 at
// the end (as the JDK's JavaKeyStore and JceKeyStore describe them; no standard does).
#include "discover/collector.h"
#include "pki/digest.h"

#include <algorithm>
#include <cstdint>
#include <tuple>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

constexpr std::uint32_t kJks = 0xfeedfeed;
constexpr std::uint32_t kJceks = 0xcececece;
constexpr std::uint32_t kPrivateKey = 1, kTrustedCertificate = 2, kSecretKey = 3;
constexpr std::size_t kDigest = std::tuple_size_v<pki::Sha1>;

struct Cut {};

// Throws Cut where the octets end too early.
class Reader {
 public:
  explicit Reader(base::BytesView octets) noexcept : rest_(octets) {}

  base::BytesView take(std::size_t count) {
    if (count > rest_.size()) throw Cut();
    const base::BytesView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::uint32_t number(std::size_t octets = 4) {
    std::uint32_t value = 0;
    for (const std::uint8_t octet : take(octets)) value = value << 8 | octet;
    return value;
  }
  base::BytesView block() { return take(number()); }
  std::string text() { return std::string(base::as_text(take(number(2)))); }
  std::size_t left() const noexcept { return rest_.size(); }

 private:
  base::BytesView rest_;
};

std::uint32_t magic_of(base::BytesView octets) noexcept {
  std::uint32_t value = 0;
  if (octets.size() < 4) return 0;
  for (const std::uint8_t octet : octets.first(4)) value = value << 8 | octet;
  return value;
}

void read_certificate(Reader& reader, std::uint32_t version, const std::string& alias, Collector& found) {
  const std::string type = version == 2 ? reader.text() : "X.509";
  const base::BytesView certificate = reader.block();
  if (type == "X.509" || type == "X509") found.certificate(certificate, alias);
}

// False where nobody can tell what follows.
bool read_entry(Reader& reader, std::uint32_t version, Collector& found) {
  constexpr std::size_t kDate = 8;
  const std::uint32_t kind = reader.number();
  const std::string alias = reader.text();
  reader.take(kDate);
  switch (kind) {
    case kPrivateKey: {
      reader.block();
      found.key(std::nullopt, alias);
      for (std::uint32_t left = reader.number(); left > 0; --left) read_certificate(reader, version, alias, found);
      return true;
    }
    case kTrustedCertificate:
      read_certificate(reader, version, alias, found);
      return true;
    case kSecretKey:
      found.trouble(Reason::unsupported, fmt::format("what follows the secret key {} cannot be read", alias));
      return false;
    default:
      found.trouble(Reason::broken, "an entry is of no known kind");
      return false;
  }
}

// The password in UTF-16, as Java writes its characters, with `room` octets left behind it: no copy of it is outgrown.
base::Bytes utf16(std::string_view text, std::size_t room) {
  base::Bytes octets;
  octets.reserve(2 * text.size() + room);
  const auto unit = [&](std::uint32_t value) {
    octets.push_back(static_cast<std::uint8_t>(value >> 8));
    octets.push_back(static_cast<std::uint8_t>(value));
  };
  for (std::size_t at = 0; at < text.size();) {  // UTF-8, as Passwords checked
    const auto first = static_cast<unsigned char>(text[at++]);
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    std::uint32_t point = more == 0 ? first : first & (0x3fU >> more);
    for (int i = 0; i < more && at < text.size(); ++i)
      point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fU);
    if (point >= 0x10000) {
      unit(0xd800 + ((point - 0x10000) >> 10));
      unit(0xdc00 + (point & 0x3ff));
    } else {
      unit(point);
    }
  }
  return octets;
}

bool is_whole(base::BytesView contents, base::BytesView digest, const base::Secret& password) {
  constexpr std::string_view kSalt = "Mighty Aphrodite";
  base::Bytes keyed = utf16(password.reveal_text(), kSalt.size() + contents.size());
  keyed.insert(keyed.end(), kSalt.begin(), kSalt.end());
  keyed.insert(keyed.end(), contents.begin(), contents.end());
  const bool is_equal = std::ranges::equal(pki::sha1(keyed), digest);
  base::wipe(keyed.data(), keyed.size());
  return is_equal;
}

}  // namespace

bool begins_jks(base::BytesView octets) noexcept {
  const std::uint32_t magic = magic_of(octets);
  return magic == kJks || magic == kJceks;
}

void read_jks(base::BytesView octets, Collector& found) {
  found.is(Container::jks);
  try {
    Reader reader(octets);
    reader.number();
    const std::uint32_t version = reader.number();
    if (version != 1 && version != 2) return found.trouble(Reason::broken, "it is of no known version");
    for (std::uint32_t left = reader.number(); left > 0; --left)
      if (!read_entry(reader, version, found)) return;
    if (!found.has_keys()) found.is_trust_store();
    const std::size_t end = octets.size() - reader.left();
    const base::BytesView digest = reader.take(kDigest);
    if (reader.left() != 0) return found.trouble(Reason::broken, "something else follows its end");
    const auto fits = [&](const base::Secret& password) { return is_whole(octets.first(end), digest, password); };
    if (found.passwords().are_given() && std::ranges::none_of(found.passwords().all(), fits))
      found.trouble(Reason::encrypted, "no password that is known proves it unchanged; its certificates were read");
  } catch (const Cut&) {
    found.trouble(Reason::truncated, "it ends too early");
  }
}

}  // namespace everseal::discover
