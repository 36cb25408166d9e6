#include "pki/hmac.h"

#include "pki/openssl.h"

#include <openssl/hmac.h>

namespace everseal::pki {
namespace {

const EVP_MD* digest_of(Hash hash) noexcept {
  switch (hash) {
    case Hash::sha256:
      return EVP_sha256();
    case Hash::sha384:
      return EVP_sha384();
    case Hash::sha512:
      return EVP_sha512();
  }
  return EVP_sha256();
}

}  // namespace

base::Bytes hmac(Hash hash, base::BytesView key, base::BytesView message) {
  static constexpr std::uint8_t kNothing = 0;  // a null key would mean the key of an earlier call
  base::Bytes code(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (HMAC(digest_of(hash), key.empty() ? &kNothing : key.data(), static_cast<int>(key.size()), message.data(),
           message.size(), code.data(), &size) == nullptr)
    throw_openssl(base::Fault::internal, "cannot compute an HMAC");
  code.resize(size);
  return code;
}

}  // namespace everseal::pki
