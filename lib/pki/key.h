// Key pairs: made, read and written. Only keystore, deploy and export see more of a key than a Signer.
#pragma once

#include "base/secret.h"
#include "pki/signer.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace everseal::pki {

class PrivateKey : public Signer {
 public:
  static PrivateKey generate(KeyType type);

  // PEM (PKCS#8, encrypted PKCS#8, and the older RSA and EC forms) or DER PKCS#8. Throws Error(invalid): not a key, a
  // type or size that Everseal does not use, a wrong or missing passphrase (said so); the text never holds key
  // material.
  static PrivateKey parse(const base::Secret& text, const std::optional<base::Secret>& passphrase = std::nullopt);

  base::Secret pem() const;  // PKCS#8, "BEGIN PRIVATE KEY"
  base::Secret der() const;  // PKCS#8
  // "BEGIN ENCRYPTED PRIVATE KEY": PBES2, AES-256-CBC, PBKDF2 with HMAC-SHA-256 and at least 600,000 rounds.
  base::Secret encrypted_pem(const base::Secret& passphrase) const;

 private:
  PrivateKey(std::shared_ptr<const internal::NativeKey> native, KeyType type, base::Bytes public_key_info)
      : Signer(std::move(native), type, std::move(public_key_info)) {}
  friend struct KeyAccess;  // openssl.h
};

// The SubjectPublicKeyInfo of a private key of any type that OpenSSL knows, in unencrypted DER (PKCS#8, PKCS#1, SEC 1):
// to tell whose it is, not to use it. Throws Error(invalid).
base::Bytes public_half(base::BytesView private_key);

// What a SubjectPublicKeyInfo says about itself, without building a usable key.
struct PublicKeySummary {
  std::optional<KeyType> type;  // nullopt: none that Everseal issues for
  std::string text;             // "ECDSA P-256", "RSA 2048", "Ed25519", "DSA", "1.2.3.4"
};
PublicKeySummary summarise_public_key(base::BytesView public_key_info);

}  // namespace everseal::pki
