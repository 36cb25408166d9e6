#include "pki/der.h"

#include "base/error.h"
#include "base/text.h"
#include "pki/openssl.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace everseal::pki::der {
namespace {

using ObjectHandle = base::Handle<ASN1_OBJECT, ASN1_OBJECT_free>;

[[noreturn]] void fail(std::string_view rule) {
  throw base::Error(base::Fault::invalid, fmt::format("not valid DER: {}", rule));
}

struct Length {
  std::array<std::uint8_t, sizeof(std::size_t) + 1> octets;
  std::size_t count;
  base::BytesView view() const { return {octets.data(), count}; }
};

Length encode_length(std::size_t length) {
  Length encoded{};
  if (length < 0x80) {
    encoded.octets[0] = static_cast<std::uint8_t>(length);
    encoded.count = 1;
    return encoded;
  }
  std::size_t octets = 0;
  for (std::size_t rest = length; rest > 0; rest >>= 8) ++octets;
  encoded.octets[0] = static_cast<std::uint8_t>(0x80 | octets);
  for (std::size_t i = 0; i < octets; ++i)
    encoded.octets[octets - i] = static_cast<std::uint8_t>((length >> (8 * i)) & 0xff);
  encoded.count = octets + 1;
  return encoded;
}

}  // namespace

void Writer::value(Tag tag, base::BytesView contents) {
  out_.push_back(tag);
  raw(encode_length(contents.size()).view());
  raw(contents);
}

void Writer::unsigned_integer(base::BytesView magnitude) {
  while (magnitude.size() > 1 && magnitude.front() == 0) magnitude = magnitude.subspan(1);
  nest(kInteger, [&] {
    if (magnitude.empty() || (magnitude.front() & 0x80) != 0) out_.push_back(0);
    raw(magnitude);
  });
}

void Writer::bit_string(base::BytesView octets) {
  nest(kBitString, [&] {
    out_.push_back(0);
    raw(octets);
  });
}

// One octet is set aside for the length, which is enough for most values; `close` makes room where it is not.
std::size_t Writer::open(Tag tag) {
  out_.push_back(tag);
  out_.push_back(0);
  return out_.size();
}

void Writer::close(std::size_t start) {
  const Length length = encode_length(out_.size() - start);
  out_[start - 1] = length.octets[0];
  if (length.count > 1)
    out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(start), length.octets.begin() + 1,
                length.octets.begin() + static_cast<std::ptrdiff_t>(length.count));
}

Element Reader::next() {
  if (rest_.size() < 2) fail("it ends within a value");
  if ((rest_[0] & 0x1f) == 0x1f) fail("a tag number above 30");
  std::size_t length = rest_[1];
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t octets = length & 0x7f;
    if (octets == 0 || octets > 4) fail("a length that is indefinite or too large");
    if (rest_.size() < 2 + octets) fail("it ends within a length");
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = length << 8 | rest_[2 + i];
    header += octets;
    if (length < 0x80 || (length >> (8 * (octets - 1))) == 0) fail("a length that is not the shortest form");
  }
  if (rest_.size() - header < length) fail("a value is longer than what holds it");
  const Element element{rest_[0], rest_.subspan(header, length), rest_.first(header + length)};
  rest_ = rest_.subspan(header + length);
  return element;
}

Element Reader::expect(Tag tag) {
  if (!at(tag)) fail(fmt::format("tag {:#04x} expected", tag));
  return next();
}

std::optional<Element> Reader::next_if(Tag tag) {
  if (!at(tag)) return std::nullopt;
  return next();
}

void Reader::end() const {
  if (!rest_.empty()) fail("something follows that does not belong there");
}

base::Bytes object_id(const std::string& name) {
  const ObjectHandle object(OBJ_txt2obj(name.c_str(), 0));
  if (!object || OBJ_length(object.get()) == 0) {
    ERR_clear_error();
    throw base::Error(base::Fault::invalid,
                      fmt::format("\"{}\" is no known name and no object identifier", base::printable(name)));
  }
  const unsigned char* data = OBJ_get0_data(object.get());
  return {data, data + OBJ_length(object.get())};
}

}  // namespace everseal::pki::der
