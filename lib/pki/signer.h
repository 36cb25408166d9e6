// A private key that can sign, wherever it rests. Holding one does not give the key away.
#pragma once

#include "base/encoding.h"

#include <memory>
#include <optional>
#include <string_view>

namespace everseal::pki {

enum class KeyType { ecdsa_p256, ecdsa_p384, rsa_2048, rsa_3072, rsa_4096, ed25519 };
std::string_view to_string(KeyType type) noexcept;  // "ecdsa-p256", "rsa-2048", "ed25519", ...
std::optional<KeyType> parse_key_type(std::string_view text) noexcept;
inline constexpr KeyType kAllKeyTypes[] = {KeyType::ecdsa_p256, KeyType::ecdsa_p384, KeyType::rsa_2048,
                                           KeyType::rsa_3072,   KeyType::rsa_4096,   KeyType::ed25519};

namespace internal {
struct NativeKey;  // an EVP_PKEY; defined in openssl.h
}

// Immutable and cheap to copy (shared). Signing is thread-safe.
class Signer {
 public:
  KeyType type() const noexcept { return type_; }
  const base::Bytes& public_key_info() const noexcept { return public_key_info_; }  // DER SubjectPublicKeyInfo
  // Signs `data` with the type's default algorithm (ECDSA with SHA-256/384, PKCS#1 v1.5 with SHA-256, Ed25519).
  base::Bytes sign(base::BytesView data) const;

  // For pki, net and probe, through openssl.h.
  const internal::NativeKey& native() const noexcept { return *native_; }

 protected:
  Signer(std::shared_ptr<const internal::NativeKey> native, KeyType type, base::Bytes public_key_info);
  std::shared_ptr<const internal::NativeKey> native_;

 private:
  KeyType type_;
  base::Bytes public_key_info_;
};

}  // namespace everseal::pki
