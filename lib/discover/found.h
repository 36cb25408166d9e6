// What the files of a host hold, as plain values. Nothing here is secret: of a private key only the digest of its
// public half is kept.
#pragma once

#include "base/text.h"
#include "pki/certificate.h"
#include "pki/digest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::discover {

enum class Container { none, pem, der, pkcs7, pkcs12, jks, kubeconfig, secret };
std::string_view to_string(Container container) noexcept;  // "pem", ..., "none"
std::optional<Container> parse_container(std::string_view text) noexcept;

// Fixed codes of what stands in the way of reading a file or directory whole.
enum class Reason {
  encrypted,       // no password was given that opens it
  broken,          // a certificate, a key or the container itself does not decode
  truncated,       // it ends too early
  too_large,       // beyond the limit of size or of certificates; it holds what looks like a certificate
  unreadable,      // the system refused: permissions, an I/O error
  not_regular,     // a FIFO, socket or device; it was not opened
  not_found,       // only of a path that somebody named
  unsupported,     // of a kind that cannot be read here
  too_deep,        // directories within directories beyond the limit
  too_many_files,  // the walk ended before it saw all
};
std::string_view to_string(Reason reason) noexcept;  // "encrypted", ..., "too_many_files"

struct Trouble {
  Reason reason;
  std::string what;  // one printable line without the path: "certificate 2: its DER is broken"
};

// Is a private key of the same container the one of this certificate?
enum class KeyBeside {
  none,  // there is no key
  matches,
  other,    // there are keys, and all of them belong to something else
  unknown,  // a key is there that is encrypted or that cannot be read
};
std::string_view to_string(KeyBeside key) noexcept;

struct FoundCertificate {
  pki::Certificate certificate;  // copies share its octets
  int position = 1;              // which certificate of the file, those that are broken counted
  base::Untrusted entry;  // the alias, or where it stands in a manifest ("data.tls.crt"); "" where it has no name
  KeyBeside key = KeyBeside::none;
};

struct FoundKey {
  base::Untrusted entry;
  std::optional<pki::Sha256> pin;  // as Certificate::spki_pin() of the certificates that it belongs to; nullopt:
                                   // encrypted, or it cannot be read
};

// Grows when the same octets may be found to hold something else than before, or the enumerators here change, so that
// nothing read by an older one stands in for reading them.
inline constexpr int kReader = 1;

// What tells an unchanged file without reading it.
struct Stamp {
  std::uint64_t device = 0;  // may be another after a restart
  std::uint64_t inode = 0;
  std::uint64_t size = 0;     // octets
  std::int64_t modified = 0;  // nanoseconds since 1970
  std::int64_t changed = 0;   // the same of the inode: not even "cp -p" keeps it
  // "inode:size:modified:changed", to be stored and compared.
  std::string text() const;
  bool operator==(const Stamp&) const = default;
};

// One file that was looked at. A directory that could not be read is one too, with its trouble alone.
struct File {
  std::string path;
  Stamp stamp;
  bool unchanged = false;  // known to the caller by its stamp, and therefore not read
  Container container = Container::none;
  std::optional<pki::Sha256> digest;  // of its octets, where it holds a certificate or a key or has a trouble
  bool is_trust_store = false;        // it holds what others are judged by, not what this host serves
  std::vector<FoundCertificate> certificates;
  std::vector<FoundKey> keys;
  std::vector<Trouble> troubles;

  // Is there nothing to tell of it?
  bool empty() const noexcept { return certificates.empty() && keys.empty() && troubles.empty() && !unchanged; }
};

}  // namespace everseal::discover
