#include "pki/sha512.h"

#include "base/error.h"
#include "pki/openssl.h"

namespace everseal::pki {

std::array<std::uint8_t, 64> sha512(base::BytesView bytes) {
  std::array<std::uint8_t, 64> digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha512(), nullptr) != 1)
    throw_openssl(base::Fault::internal, "cannot compute a digest");
  return digest;
}

}  // namespace everseal::pki
