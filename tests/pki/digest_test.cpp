#include "pki/digest.h"

#include "judge.h"

#include <set>

#include <doctest/doctest.h>

namespace everseal::pki {
namespace {

TEST_CASE("sha256 agrees with the published vectors") {
  CHECK(base::hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(base::hex(sha256(base::as_bytes("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a fingerprint is read from hex of either case, with colons or without") {
  const Fingerprint expected = fingerprint(base::as_bytes("abc"));
  std::string upper;
  std::string colons;
  for (std::size_t i = 0; i < expected.text().size(); ++i) {
    const char c = expected.text()[i];
    upper += c >= 'a' ? static_cast<char>(c - 0x20) : c;
    if (i > 0 && i % 2 == 0) colons += ':';
    colons += upper.back();
  }
  for (const std::string& text : {expected.text(), upper, colons}) {
    CAPTURE(text);
    CHECK(Fingerprint::parse(text) == expected);
  }
  for (const std::string& text : {std::string(), std::string("ab"), expected.text() + "00", expected.text().substr(1),
                                  "g" + expected.text().substr(1)}) {
    CAPTURE(text);
    CHECK_FALSE(Fingerprint::parse(text).has_value());
  }
  CHECK(fmt::format("{}", expected) == expected.text());
}

TEST_CASE("random octets have the size asked for and do not repeat") {
  CHECK(random_bytes(0).empty());
  std::set<base::Bytes> seen;
  for (int i = 0; i < 1000; ++i) {
    const base::Bytes bytes = random_bytes(16);
    CHECK(bytes.size() == 16);
    seen.insert(bytes);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("random fractions lie in [0, 1) and fill it") {
  double smallest = 1;
  double largest = 0;
  for (int i = 0; i < 2000; ++i) {
    const double fraction = random_fraction();
    CHECK(fraction >= 0);
    CHECK(fraction < 1);
    smallest = std::min(smallest, fraction);
    largest = std::max(largest, fraction);
  }
  CHECK(smallest < 0.1);
  CHECK(largest > 0.9);
}

}  // namespace
}  // namespace everseal::pki
