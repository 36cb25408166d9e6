// Keys as PKCS#8 PEM files, readable by their owner alone.
#include "base/error.h"
#include "keystore/keystore.h"

#include <fmt/format.h>

namespace everseal::keystore {
namespace {

constexpr std::size_t kLimit = 64 * 1024;  // RSA 4096, encrypted, is 4 kB

std::string path_of(const Location& at) { return fmt::format("{}/{}", at.directory.path(), at.name); }

std::optional<pki::PrivateKey> export_key(const Location& at) {
  const auto text = at.directory.read_secret(at.name, kLimit);
  if (!text) return std::nullopt;
  std::optional<base::Secret> passphrase;
  if (at.passphrase != nullptr) passphrase = at.passphrase->copy();
  return base::within(fmt::format("private key {}", path_of(at)),
                      [&] { return pki::PrivateKey::parse(*text, passphrase); });
}

std::optional<pki::Signer> open(const Location& at) {
  auto key = export_key(at);
  if (!key) return std::nullopt;
  return static_cast<pki::Signer&&>(std::move(*key));
}

void import_key(const Location& at, const pki::PrivateKey& key) {
  if (at.directory.has(at.name))
    throw base::Error(base::Fault::exists, fmt::format("there is a private key at {} already", path_of(at)),
                      "a key is never overwritten; remove it first if it is not needed any more");
  const base::Secret text = at.passphrase == nullptr ? key.pem() : key.encrypted_pem(*at.passphrase);
  at.directory.replace(at.name, text.reveal(), {.user = {}, .group = {}, .mode = 0600});
}

pki::Signer create(const Location& at, pki::KeyType type) {
  const pki::PrivateKey key = pki::PrivateKey::generate(type);
  import_key(at, key);
  return key;
}

void remove(const Location& at) {
  if (!at.directory.has(at.name)) return;
  at.directory.remove(at.name);
}

}  // namespace

extern const Kind file_kind;
const Kind file_kind{
    .name = "file",
    .summary = "PKCS#8 PEM files with mode 0600, encrypted where there is a passphrase",
    .create = create,
    .import_key = import_key,
    .open = open,
    .export_key = export_key,
    .remove = remove,
};

const Kind& file() { return file_kind; }

}  // namespace everseal::keystore
