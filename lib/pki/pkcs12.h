// PKCS#12 (RFC 7292): a key with its chain in one file.
#pragma once

#include "base/secret.h"
#include "pki/certificate.h"
#include "pki/key.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace everseal::pki {

// modern: AES-256-CBC, PBKDF2 with SHA-256, MAC SHA-256. compatible: 3DES and a SHA-1 MAC, which Windows Server 2016,
// older macOS, Android and Java read; done without OpenSSL's legacy provider.
enum class Pkcs12Form { modern, compatible };

// `chain` is leaf first. Throws Error(usage) for an empty password (Android refuses it), Error(invalid) where key and
// leaf do not match.
base::Secret make_pkcs12(const PrivateKey& key, std::span<const Certificate> chain, const std::string& friendly_name,
                         const base::Secret& password, Pkcs12Form form);

struct Pkcs12 {
  std::optional<PrivateKey> key;
  std::vector<Certificate> certificates;  // leaf first where there is a key
};
// At most 16 MiB. Throws Error(invalid): broken, or "wrong password".
Pkcs12 parse_pkcs12(base::BytesView der, const base::Secret& password);

}  // namespace everseal::pki
