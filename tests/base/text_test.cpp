#include "base/text.h"

#include "base/encoding.h"

#include <algorithm>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal::base;
using namespace std::string_view_literals;

namespace {

struct Hostile {
  std::string_view raw, printed, json;
};

// What certificates have carried to break terminals, logs and parsers.
constexpr Hostile kHostile[] = {
    {"plain text", "plain text", R"("plain text")"},
    {"caf\xc3\xa9", "caf\xc3\xa9", "\"caf\xc3\xa9\""},
    {"a\r\nb", R"(a\r\nb)", R"("a\r\nb")"},
    {"a\tb", R"(a\tb)", R"("a\tb")"},
    {"\x1b[31m", R"(\x1b[31m)", R"("\u001b[31m")"},
    {"a\0b"sv, R"(a\x00b)", R"("a\u0000b")"},
    {"\x7f", R"(\x7f)", R"("\u007f")"},
    {"\xc2\x9b", R"(\u{009b})", R"("\u009b")"},  // CSI as one C1 character
    {"\xe2\x80\xae"
     "gpj",
     R"(\u{202e}gpj)", R"("\u202egpj")"},                         // right-to-left override
    {"\xe2\x81\xa6", R"(\u{2066})", R"("\u2066")"},               // isolate
    {"\xe2\x80\x8b", R"(\u{200b})", R"("\u200b")"},               // zero-width space
    {"\xe2\x80\xa8", R"(\u{2028})", R"("\u2028")"},               // line separator
    {"\xef\xbb\xbf", R"(\u{feff})", R"("\ufeff")"},               // byte order mark
    {"\xf3\xa0\x81\x81", R"(\u{e0041})", R"("\udb40\udc41")"},    // tag letter
    {"\xff\xc3", R"(\xff\xc3)", "\"\xef\xbf\xbd\xef\xbf\xbd\""},  // broken
    {"\xed\xa0\x80", R"(\xed\xa0\x80)", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {R"(a\n"b")", R"(a\\n"b")", R"("a\\n\"b\"")"},
};

}  // namespace

TEST_CASE("hostile text is harmless on a terminal and in JSON") {
  for (const auto& [raw, printed, json] : kHostile) {
    CAPTURE(printed);
    CHECK(printable(raw) == printed);
    CHECK(printable(Untrusted(std::string(raw))) == printed);
    CHECK(json_string(raw) == json);
  }
}

TEST_CASE("no octet sequence brings a control byte or broken UTF-8 out") {
  std::string all;
  for (int first = 0; first < 256; ++first)
    for (const int second : {0, 10, 13, 27, 34, 65, 92, 127, 128, 155, 160, 191, 255}) {
      all += static_cast<char>(first);
      all += static_cast<char>(second);
    }
  for (const std::string& text : {printable(all), json_string(all)}) {
    CHECK(is_utf8(text));
    CHECK(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
    CHECK(text.find("\xc2\x9b") == std::string::npos);
  }
}

TEST_CASE("untrusted text cannot be formatted by accident") {
  CHECK_FALSE(fmt::is_formattable<Untrusted>::value);
  CHECK(fmt::is_formattable<std::string>::value);
}

TEST_CASE("small tools for text") {
  CHECK(lower("AbC-\xc3\x84") == "abc-\xc3\x84");
  CHECK(trim(" \t\r\n a b \v\f") == "a b");
  CHECK(trim(" \n") == "");
  CHECK(split("a,,b,", ',') == std::vector<std::string>{"a", "", "b", ""});
  CHECK(split("", ',') == std::vector<std::string>{""});
  CHECK(join(std::vector<std::string>{"a", "", "b"}, ", ") == "a, , b");
  CHECK(join(std::vector<std::string>{}, ", ") == "");
}

TEST_CASE("words are split as a shell splits them, without its other powers") {
  struct Case {
    std::string_view text;
    std::vector<std::string> words;
  };
  const Case cases[] = {
      {"", {}},
      {"  systemctl\treload  nginx\n", {"systemctl", "reload", "nginx"}},
      {"a 'b c' \"d e\"", {"a", "b c", "d e"}},
      {"a'b'\"c\"d", {"abcd"}},
      {"'' \"\"", {"", ""}},
      {R"(a\ b \\ \')", {"a b", "\\", "'"}},
      {R"('a\b')", {R"(a\b)"}},
      {R"("a\"b\\c\d")", {R"(a"b\c\d)"}},
      {"$HOME `id` $(id) *.pem ; & | > x #y ~",
       {"$HOME", "`id`", "$(id)", "*.pem", ";", "&", "|", ">", "x", "#y", "~"}},
  };
  for (const auto& [text, words] : cases) {
    CAPTURE(text);
    CHECK(split_words(text) == words);
  }
  for (const auto text : {"'a"sv, "\"a"sv, "a\\"sv, "a 'b\"c"sv, "\"a\\\""sv}) {
    CAPTURE(text);
    CHECK_FALSE(split_words(text));
  }
}

TEST_CASE("a slip of the keyboard finds the word that was meant, and nothing else does") {
  const std::vector<std::string> known{"directory", "contents", "owner", "mode", "reload"};
  CHECK(nearest("directry", known) == "directory");
  CHECK(nearest("contens", known) == "contents");
  CHECK(nearest("mod", known) == "mode");
  CHECK(nearest("omde", known) == "mode");
  CHECK_FALSE(nearest("passphrase", known));
  CHECK_FALSE(nearest("xy", known));
  CHECK_FALSE(nearest(std::string(10'000, 'a'), known));
  CHECK_FALSE(nearest("mode", {}));
}

TEST_CASE("columns on a terminal") {
  CHECK(columns("abc") == 3);
  CHECK(columns("caf\xc3\xa9") == 4);
  CHECK(columns("e\xcc\x81") == 1);                 // combining acute
  CHECK(columns("\xe6\xbc\xa2\xe5\xad\x97") == 4);  // two ideographs
  CHECK(columns("") == 0);
}
