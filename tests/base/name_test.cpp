#include "base/name.h"

#include "base/error.h"

#include <doctest/doctest.h>

using namespace everseal::base;

TEST_CASE("names that are safe as a file, a key and a word") {
  for (const std::string& text : {std::string("www"), std::string("_.example.org"), std::string("0"),
                                  std::string("a-b_c.d"), std::string(64, 'a')}) {
    CAPTURE(text);
    CHECK(Name::is_valid(text));
    CHECK(Name::parse(text).text() == text);
  }
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), std::string("../x"), std::string("a/b"), std::string("-a"),
        std::string(".a"), std::string("WWW"), std::string("*.example.org"), std::string("a b"), std::string("a\n"),
        std::string("a\0b", 3), std::string("\xc3\xa9"), std::string(65, 'a'), std::string("a\xe2\x80\xae")}) {
    CAPTURE(text);
    CHECK_FALSE(Name::is_valid(text));
    CHECK_THROWS_AS(Name::parse(text), Error);
  }
}

TEST_CASE("a refused name is shown harmlessly, cut short, with the rule") {
  try {
    Name::parse("a\x1b[2J" + std::string(10'000, 'b'), "certificate name");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::usage);
    CHECK(error.message().starts_with("certificate name 'a\\x1b[2J"));
    CHECK(error.message().size() < 200);
    CHECK(error.hint().find("1 to 64") != std::string::npos);
  }
}

TEST_CASE("what is called something elsewhere gets the nearest name") {
  const std::pair<std::string, std::string> accepts[] = {
      {"www", "www"},
      {"*.Example.org", "_.example.org"},
      {"Example.org-0001", "example.org-0001"},
      {"alice@example.org", "alice-example.org"},
      {"-.a/../b", "a-..-b"},
      {"2001:db8::1", "2001-db8--1"},
      {std::string(100, 'a'), std::string(64, 'a')},
  };
  for (const auto& [text, name] : accepts) CHECK(Name::made_of(text).text() == name);
  for (const char* const text : {"", "..", "\xc3\xa9"}) CHECK_THROWS_AS(Name::made_of(text), Error);
}

TEST_CASE("a name is formatted as its text") { CHECK(fmt::format("<{}>", Name::parse("a-b_c.d")) == "<a-b_c.d>"); }
