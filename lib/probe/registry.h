// Code points that IANA registers for TLS, with the names that OpenSSL and the policies have for them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace everseal::probe {

struct Registered {
  std::uint16_t code;
  std::string_view name;
};

std::span<const Registered> protocol_versions();  // the newest first, down to SSLv3
// That belong to a version, the strongest first; below TLS 1.3 it is one list.
std::span<const Registered> cipher_suites(std::uint16_t version);
std::span<const Registered> key_exchange_groups(std::uint16_t version);
std::string_view name_of(std::span<const Registered> among, std::uint16_t code) noexcept;  // "": not among them

}  // namespace everseal::probe
