#include "pki/signer.h"

#include "pki/openssl.h"

#include <utility>

namespace everseal::pki {

std::string_view to_string(KeyType type) noexcept {
  switch (type) {
    case KeyType::ecdsa_p256:
      return "ecdsa-p256";
    case KeyType::ecdsa_p384:
      return "ecdsa-p384";
    case KeyType::rsa_2048:
      return "rsa-2048";
    case KeyType::rsa_3072:
      return "rsa-3072";
    case KeyType::rsa_4096:
      return "rsa-4096";
    case KeyType::ed25519:
      return "ed25519";
  }
  return "";
}

std::optional<KeyType> parse_key_type(std::string_view text) noexcept {
  for (const KeyType type : kAllKeyTypes)
    if (to_string(type) == text) return type;
  return std::nullopt;
}

Signer::Signer(std::shared_ptr<const internal::NativeKey> native, KeyType type, base::Bytes public_key_info)
    : native_(std::move(native)), type_(type), public_key_info_(std::move(public_key_info)) {}

base::Bytes Signer::sign(base::BytesView data) const {
  ERR_clear_error();
  const DigestContextHandle context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, signature_digest(type_), nullptr, pki::native(*this)) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1)
    throw_openssl(base::Fault::internal, "cannot sign");
  base::Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1)
    throw_openssl(base::Fault::internal, "cannot sign");
  signature.resize(size);
  return signature;
}

}  // namespace everseal::pki
