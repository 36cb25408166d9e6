#pragma once

#include "base/file.h"
#include "base/name.h"
#include "base/secret.h"
#include "pki/signer.h"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace everseal::authority {

// Gives the passphrase of a key, or nullopt where the key is not encrypted. Throws where it cannot be had.
using PassphraseSource = std::function<std::optional<base::Secret>()>;

// The keys of authorities that are open in this process. Each is opened when it is first wanted, whoever wants it, and
// stays open until it is dropped or the ring ends; opening an encrypted one costs 600,000 rounds. Thread-safe: who
// wants a key that is being opened waits for it.
class KeyRing {
 public:
  // The key in `directory`/`file`. `passphrase` is asked only where it is not open yet, and a failure leaves it so.
  // nullopt: there is no such file. Throws what keystore::Kind::open and `passphrase` throw.
  std::optional<pki::Signer> open(const base::Name& authority, const base::Directory& directory,
                                  const std::string& file, const PassphraseSource& passphrase);
  // All keys of it. They are wiped when nobody signs with them any more.
  void drop(const base::Name& authority);
  void drop_all();

 private:
  struct Key {
    base::Name authority;
    pki::Signer signer;
  };
  std::mutex mutex_;
  std::map<std::string, Key> open_;  // by path
};

}  // namespace everseal::authority
