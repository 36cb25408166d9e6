// SHA-512, where a format of others has it.
#pragma once

#include "base/encoding.h"

#include <array>
#include <cstdint>

namespace everseal::pki {

std::array<std::uint8_t, 64> sha512(base::BytesView bytes);

}  // namespace everseal::pki
