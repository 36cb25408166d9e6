// Where private keys rest. A kind makes keys, opens them as pki::Signer and, where it can, hands them out.
#pragma once

#include "base/file.h"
#include "base/secret.h"
#include "pki/key.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace everseal::keystore {

// A key's place: a directory and the name in it. `passphrase` encrypts the key at rest.
struct Location {
  const base::Directory& directory;
  std::string name;                         // "privkey.pem"
  const base::Secret* passphrase = nullptr;
};

// Stateless and thread-safe. Errors: Error(io), Error(invalid) for a broken key or a wrong passphrase.
struct Kind {
  std::string_view name;
  std::string_view summary;
  // Makes a key and returns when it is durable; Error(exists) where one is there.
  pki::Signer (*create)(const Location& at, pki::KeyType type);
  // Takes a key that was made elsewhere; durable on return.
  void (*import_key)(const Location& at, const pki::PrivateKey& key);
  std::optional<pki::Signer> (*open)(const Location& at);              // nullopt: no key there
  std::optional<pki::PrivateKey> (*export_key)(const Location& at);    // nullopt: no key there
  void (*remove)(const Location& at);                                  // durable on return; absent is fine
};

std::span<const Kind* const> kinds();
const Kind& file();  // the kind that every archive uses

}  // namespace everseal::keystore
