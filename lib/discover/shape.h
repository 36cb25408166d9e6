// What a DER or BER value is, told by its first octets. For discover only.
#pragma once

#include "base/encoding.h"

#include <cstddef>
#include <optional>

namespace everseal::discover {

struct DerHeader {
  std::size_t header = 0;    // octets of tag and length
  std::size_t contents = 0;  // octets behind them
  std::size_t size() const noexcept { return header + contents; }
};
// Of a SEQUENCE with a definite length, whose contents may lie beyond the end of `octets`; nullopt for anything else.
std::optional<DerHeader> der_header(base::BytesView octets) noexcept;

enum class Shape {
  other,        // a SEQUENCE of something else, or none
  certificate,  // version 2 or 3
  pkcs7,        // signedData
  pkcs12,
  private_key,    // PKCS#8, PKCS#1, SEC 1
  encrypted_key,  // PKCS#8
};
// Also of a value that is cut, and of one of indefinite length.
Shape shape_of(base::BytesView octets) noexcept;

}  // namespace everseal::discover
