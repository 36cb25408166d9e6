#include "authority/key_ring.h"

#include "keystore/keystore.h"

#include <fmt/format.h>

namespace everseal::authority {

std::optional<pki::Signer> KeyRing::open(const base::Name& authority, const base::Directory& directory,
                                         const std::string& file, const PassphraseSource& passphrase) {
  const std::string path = fmt::format("{}/{}", directory.path(), file);
  const std::scoped_lock lock(mutex_);
  if (const auto found = open_.find(path); found != open_.end()) return found->second.signer;
  const std::optional<base::Secret> secret = passphrase();
  auto signer = keystore::file().open({directory, file, secret ? &*secret : nullptr});
  if (signer) open_.emplace(path, Key{authority, *signer});
  return signer;
}

void KeyRing::drop(const base::Name& authority) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(open_, [&](const auto& entry) { return entry.second.authority == authority; });
}

void KeyRing::drop_all() {
  const std::scoped_lock lock(mutex_);
  open_.clear();
}

}  // namespace everseal::authority
