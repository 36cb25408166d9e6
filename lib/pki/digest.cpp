#include "pki/digest.h"

#include "pki/openssl.h"

#include <algorithm>

#include <openssl/rand.h>

namespace everseal::pki {

namespace {

template <class Digest>
Digest digest_of(base::BytesView bytes, const EVP_MD* kind) {
  Digest digest;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, kind, nullptr) != 1)
    throw_openssl(base::Fault::internal, "cannot compute a digest");
  return digest;
}

}  // namespace

Sha256 sha256(base::BytesView bytes) { return digest_of<Sha256>(bytes, sha256_digest()); }
Sha1 sha1(base::BytesView bytes) { return digest_of<Sha1>(bytes, EVP_sha1()); }

std::optional<Fingerprint> Fingerprint::parse(std::string_view text) {
  const std::optional<base::Bytes> octets = base::from_hex(text);
  Fingerprint fingerprint;
  if (!octets || octets->size() != fingerprint.octets.size()) return std::nullopt;
  std::copy(octets->begin(), octets->end(), fingerprint.octets.begin());
  return fingerprint;
}

Fingerprint fingerprint(base::BytesView der) { return {sha256(der)}; }

base::Bytes random_bytes(std::size_t count) {
  base::Bytes bytes(count);
  if (RAND_bytes_ex(nullptr, bytes.data(), bytes.size(), 0) != 1)
    throw_openssl(base::Fault::internal, "the random generator failed");
  return bytes;
}

double random_fraction() {
  std::uint64_t bits = 0;
  for (const std::uint8_t octet : random_bytes(sizeof bits)) bits = bits << 8 | octet;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace everseal::pki
