// What lies in authorities/NAME.
#pragma once

#include "base/name.h"
#include "inventory/store.h"

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace everseal::authority {

inline constexpr std::string_view kAuthoritiesDirectory = "authorities";
inline constexpr const char* kRootFile = "root.pem";
inline constexpr const char* kRootKeyFile = "root.key.pem";
inline constexpr const char* kRootPassphraseFile = "root.passphrase";
inline constexpr const char* kCsrFile = "intermediate.csr.pem";
inline constexpr const char* kCrlFile = "crl.der";
inline constexpr const char* kManifestFile = "authority.json";
inline constexpr int kFirstGeneration = 1;
inline constexpr std::size_t kLongestFile = std::size_t{1} << 20;

// The intermediate, then the certificates between it and the root.
inline std::string intermediate_file(int generation) { return fmt::format("intermediate-{}.pem", generation); }
inline std::string intermediate_key_file(int generation) { return fmt::format("intermediate-{}.key.pem", generation); }

inline std::string authority_path(const inventory::Store& store, const base::Name& name) {
  return fmt::format("{}/{}/{}", store.state(), kAuthoritiesDirectory, name);
}

}  // namespace everseal::authority
