#include "report/wrap.h"

#include <string>

#include <doctest/doctest.h>

using everseal::report::Indent;
using everseal::report::LongWords;
using everseal::report::wrap;

TEST_CASE("text is broken at blanks, and a command in backquotes stays in one piece") {
  struct Row {
    const char* text;
    std::size_t width;
    const char* wrapped;
  };
  const Row rows[] = {
      {"one two three", 80, "one two three"},
      {"one two three", 8, "one two\nthree"},
      {"see `everseal plan www` for it", 20, "see\n`everseal plan www`\nfor it"},
      {"(`everseal plan` shows them)", 20, "(`everseal plan`\nshows them)"},
      {"`a` or `b c` or `d`", 12, "`a` or `b c`\nor `d`"},
      {"never `closed at all", 10, "never\n`closed at\nall"},
      {"`a command that is longer than any line`", 12, "`a command\nthat is\nlonger than\nany line`"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(wrap(row.text, 0, row.width) == row.wrapped);
  }
}

TEST_CASE("a word that no line can hold is kept or split") {
  CHECK(wrap("abcdefgh", Indent{0, 2}, 4) == "abcdefgh");
  CHECK(wrap("abcdefgh", Indent{0, 2}, 4, LongWords::split) == "abcd\n  ef\n  gh");
  CHECK(wrap("a bcdefgh", 0, 6, LongWords::split) == "a bcde\nfgh");
  CHECK(wrap("abcd efghijkl", 0, 6, LongWords::split) == "abcd\nefghij\nkl");  // begun where there is room for it
  CHECK(wrap("abc defghi", 0, 4, LongWords::split) == "abc\ndefg\nhi");        // no blank at the end of a full line
}
