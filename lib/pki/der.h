// DER (X.690 section 10) written and read octet by octet: what certificates and CRLs are made of. OpenSSL's templates
// cost several times as much and decode public keys on the way.
#pragma once

#include "base/encoding.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace everseal::pki::der {

using Tag = std::uint8_t;  // low-tag-number form only, which is all that X.509 needs
inline constexpr Tag kBoolean = 0x01;
inline constexpr Tag kInteger = 0x02;
inline constexpr Tag kBitString = 0x03;
inline constexpr Tag kOctetString = 0x04;
inline constexpr Tag kNull = 0x05;
inline constexpr Tag kObjectId = 0x06;
inline constexpr Tag kEnumerated = 0x0a;
inline constexpr Tag kUtf8String = 0x0c;
inline constexpr Tag kPrintableString = 0x13;
inline constexpr Tag kIa5String = 0x16;
inline constexpr Tag kUtcTime = 0x17;
inline constexpr Tag kGeneralizedTime = 0x18;
inline constexpr Tag kSequence = 0x30;
inline constexpr Tag kSet = 0x31;
constexpr Tag context(unsigned number) { return static_cast<Tag>(0x80 | number); }
constexpr Tag context_constructed(unsigned number) { return static_cast<Tag>(0xa0 | number); }

class Writer {
 public:
  explicit Writer(std::size_t expected_size = 512) { out_.reserve(expected_size); }

  void value(Tag tag, base::BytesView contents);
  void text(Tag tag, std::string_view contents) { value(tag, base::as_bytes(contents)); }
  void raw(base::BytesView encoded) { out_.insert(out_.end(), encoded.begin(), encoded.end()); }
  void unsigned_integer(base::BytesView magnitude);  // big endian; leading zeros do not matter
  void bit_string(base::BytesView octets);           // no unused bits

  // Everything that `body` writes becomes the contents of one value.
  template <class Body>
  void nest(Tag tag, Body&& body) {
    const std::size_t start = open(tag);
    std::invoke(std::forward<Body>(body));
    close(start);
  }

  const base::Bytes& bytes() const noexcept { return out_; }
  base::Bytes take() && { return std::move(out_); }

 private:
  std::size_t open(Tag tag);
  void close(std::size_t start);
  base::Bytes out_;
};

struct Element {
  Tag tag;
  base::BytesView contents;
  base::BytesView whole;  // with tag and length
};

// Reads one value after another from octets that it does not own. Everything that is not DER (indefinite or overlong
// lengths, high tag numbers, lengths beyond the end) throws Error(invalid).
class Reader {
 public:
  explicit Reader(base::BytesView octets) noexcept : rest_(octets) {}
  bool done() const noexcept { return rest_.empty(); }
  bool at(Tag tag) const noexcept { return !rest_.empty() && rest_.front() == tag; }
  Element next();
  Element expect(Tag tag);
  std::optional<Element> next_if(Tag tag);
  void end() const;  // throws where something is left

 private:
  base::BytesView rest_;
};

// The contents of an OBJECT IDENTIFIER for OpenSSL's short name or dotted decimals; Error(invalid) where it is neither.
base::Bytes object_id(const std::string& name);

}  // namespace everseal::pki::der
