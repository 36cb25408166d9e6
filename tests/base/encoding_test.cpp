#include "base/encoding.h"

#include <doctest/doctest.h>

using namespace everseal::base;
using namespace std::string_view_literals;

TEST_CASE("hex is read in either case, with or without colons") {
  CHECK(hex(Bytes{0x00, 0xff, 0x1a}) == "00ff1a");
  for (const auto text : {"00ff1a"sv, "00FF1A"sv, "00:ff:1a"sv, "00:FF1a"sv}) {
    CAPTURE(text);
    CHECK(from_hex(text) == Bytes{0x00, 0xff, 0x1a});
  }
  CHECK(from_hex("") == Bytes{});
  for (const auto text :
       {"0"sv, "0g"sv, ":00"sv, "00:"sv, "00::ff"sv, "0:0f"sv, "00 ff"sv, "0x00"sv, "00\0"sv, "-1"sv}) {
    CAPTURE(text);
    CHECK_FALSE(from_hex(text));
  }
}

TEST_CASE("base64 has the vectors of RFC 4648 section 10") {
  struct Case {
    std::string_view plain, standard, url;
  };
  for (const auto& [plain, standard, url] :
       {Case{"", "", ""}, Case{"f", "Zg==", "Zg"}, Case{"fo", "Zm8=", "Zm8"}, Case{"foo", "Zm9v", "Zm9v"},
        Case{"foob", "Zm9vYg==", "Zm9vYg"}, Case{"fooba", "Zm9vYmE=", "Zm9vYmE"},
        Case{"foobar", "Zm9vYmFy", "Zm9vYmFy"}, Case{"\xfb\xff\xfe", "+//+", "-__-"}}) {
    CAPTURE(plain);
    CHECK(base64(as_bytes(plain)) == standard);
    CHECK(from_base64(standard) == to_bytes(plain));
    CHECK(base64url(as_bytes(plain)) == url);
    CHECK(from_base64url(url) == to_bytes(plain));
  }
  CHECK(from_base64("Zm9v\r\n YmFy\n") == to_bytes("foobar"));
}

TEST_CASE("base64 that is not the one text of its value is refused") {
  for (const auto text : {"Zg"sv, "Zg="sv, "Zg==="sv, "Z"sv, "===="sv, "Zm9v="sv, "Zm8=Zg=="sv, "Zh=="sv, "Zm9="sv,
                          "Zm9-"sv, "Zm\0v"sv, "Zm9v\xff"sv, "=Zg="sv}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text));
  }
  for (const auto text : {"Zg=="sv, "Z"sv, "Zh"sv, "Zm9 "sv, "+//+"sv, "Zm9v\n"sv}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64url(text));
  }
}

TEST_CASE("every octet survives hex and both alphabets at every length") {
  Bytes bytes;
  for (int i = 0; i < 300; ++i) {
    CHECK(from_hex(hex(bytes)) == bytes);
    CHECK(from_base64(base64(bytes)) == bytes);
    CHECK(from_base64url(base64url(bytes)) == bytes);
    bytes.push_back(static_cast<std::uint8_t>(i * 167));
  }
}

TEST_CASE("well-formed UTF-8 only") {
  for (const auto text : {""sv, "a"sv, "\xc3\xa9"sv, "\xed\x9f\xbf"sv, "\xee\x80\x80"sv, "\xf0\x90\x80\x80"sv,
                          "\xf4\x8f\xbf\xbf"sv, "a\0b"sv}) {
    CAPTURE(text);
    CHECK(is_utf8(text));
  }
  for (const auto text :
       {"\x80"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xc3"sv, "\xc3("sv, "\xe0\x80\x80"sv, "\xe0\x9f\xbf"sv, "\xed\xa0\x80"sv,
        "\xe2\x82"sv, "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "\xff"sv, "ok\xfe"sv}) {
    CAPTURE(text);
    CHECK_FALSE(is_utf8(text));
  }
}
