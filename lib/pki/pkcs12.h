// PKCS#12 (RFC 7292): a key with its chain in one file.
#pragma once

#include "base/secret.h"
#include "base/text.h"
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

// What a PKCS#12 file shows of its certificates and keys to who only takes stock: any number of keys of any type, of
// which no more than the public half is kept.
struct Pkcs12Look {
  enum class Outcome {
    read,
    locked,       // none of the passwords opens it
    unsupported,  // it is encrypted or protected in a way that OpenSSL here does not know
    broken,
  };
  struct Entry {
    base::Untrusted name;  // friendlyName; "" where it has none
    base::Bytes octets;    // the DER of a certificate, or a SubjectPublicKeyInfo; empty where it cannot be read
  };
  Outcome outcome = Outcome::broken;
  std::string why;  // where it was not read
  std::vector<Entry> certificates, keys;
};
// Tries one password after the other. At most 16 MiB. Reads old encryption too, where OpenSSL's legacy provider is
// there; that is used for nothing else.
Pkcs12Look look_into_pkcs12(base::BytesView der, std::span<const base::Secret> passwords);

}  // namespace everseal::pki
