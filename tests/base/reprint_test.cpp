#include "base/reprint.h"

#include "base/text.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

using namespace everseal::base;

TEST_CASE("what was made printable once stays as it is") {
  const std::string_view raw[] = {
      "plain",
      "a\r\n\tb",
      "\x1b[31m\x7f",
      "\xff\xc3 broken",
      "\xc2\x9b \xe2\x80\xae \xf3\xa0\x81\x81",
      R"(C:\new\x1 \u{12} \u{} \)",
      R"(\\ \n \x1b \u{202e})",
  };
  for (const std::string_view text : raw) {
    CAPTURE(text);
    CHECK(reprinted(printable(text)) == printable(text));
    CHECK(reprinted(reprinted(text)) == reprinted(text));
  }
}

TEST_CASE("what looks like an escape and is none is escaped") {
  struct Row {
    std::string_view text, shown;
  };
  const Row rows[] = {
      {R"(a\b)", R"(a\\b)"},         {R"(\x1)", R"(\\x1)"},       {R"(\xG0)", R"(\\xG0)"},
      {R"(\x1B)", R"(\\x1B)"},       {R"(\u{12})", R"(\\u{12})"}, {R"(\u{1234567})", R"(\\u{1234567})"},
      {R"(\u{202e)", R"(\\u{202e)"}, {R"(end\)", R"(end\\)"},     {"\x1b\\x1b", R"(\x1b\x1b)"},
      {"\\\n", R"(\\\n)"},
  };
  for (const auto& [text, shown] : rows) {
    CAPTURE(text);
    CHECK(reprinted(text) == shown);
  }
}
