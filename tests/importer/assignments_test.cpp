#include "importer/assignments.h"

#include "base/encoding.h"
#include "fakes/temporary_directory.h"

#include <filesystem>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace everseal::importer {
namespace {

std::string marked(std::string_view text) {
  return "__ACME_BASE64__START_" + base::base64(base::as_bytes(text)) + "__ACME_BASE64__END_";
}

TEST_CASE("assignments are read as acme.sh writes them, and as a person may have changed them") {
  const struct {
    std::string text, value;
  } accepts[] = {
      {"X='a b'", "a b"},
      {"X=\"a b\"", "a b"},
      {"X=a", "a"},
      {"X=", ""},
      {"X=''", ""},
      {"  export X='a'\r\n", "a"},
      {"X='a'\nX='b'", "b"},
      {"X='a'\n#X='b'\n", "a"},
      {"X='a' # it's b", "a"},
      {"X=a # b", "a"},
      {"X=a#b", "a#b"},
      {"X='a#b'", "a#b"},
      // Quotes inside stand as they are.
      {"X='it's'", "it's"},
      {"X='sh -c 'a; b''", "sh -c 'a; b'"},
      {"X='say \"a\"'", "say \"a\""},
      {"X='a\\'", "a\\"},
      // Nothing is expanded.
      {"X=\"$HOME `id` $(id)\"", "$HOME `id` $(id)"},
      {"X=$(id)", "$(id)"},
      {"X='a=b'", "a=b"},
      // Decoded only where both marks are there.
      {"X='" + marked("systemctl reload 'nginx'\n") + "'", "systemctl reload 'nginx'\n"},
      {"X='" + marked("") + "'", ""},
      {"X='__ACME_BASE64__START_YQ=='", "__ACME_BASE64__START_YQ=="},
      {"X='YQ==__ACME_BASE64__END_'", "YQ==__ACME_BASE64__END_"},
      {"X='__ACME_BASE64__START_***__ACME_BASE64__END_'", "__ACME_BASE64__START_***__ACME_BASE64__END_"},
      {"X='a'\nX='b\nX=\"c\nX=d e\nX='f' g\n", "a"},
  };
  for (const auto& [text, value] : accepts) {
    CAPTURE(text);
    const Assignments found = parse_assignments(text);
    REQUIRE(found.contains("X"));
    CHECK(text_at(found, "X") == value);
    CHECK(found.size() == 1);
  }
}

TEST_CASE("lines of any other form are passed over, and never run") {
  const fakes::TemporaryDirectory folder;
  const std::string marker = folder / "was-run";
  const std::string rejects[] = {
      "",
      "#X='a'",
      "X",
      "X ='a'",
      "X = 'a'",
      "='a'",
      "1X='a'",
      "X-Y='a'",
      "X[0]='a'",
      "exportX 'a'",
      "touch " + marker,
      "X=a touch " + marker,
      "X='a' touch " + marker,
      "X= touch " + marker,
      "`touch " + marker + "`",
      "$(touch " + marker + ")",
      "if true; then X='a'; fi",
      "X='a\nb'",
      std::string("X='a\0b'", 8),
  };
  for (const std::string& text : rejects) {
    CAPTURE(text);
    CHECK(parse_assignments(text).empty());
  }
  CHECK(text_at(parse_assignments("X=$(touch " + marker + ")\nX=\"`touch " + marker + "`\""), "X") ==
        "`touch " + marker + "`");
  CHECK_FALSE(std::filesystem::exists(marker));
  CHECK(text_at(parse_assignments("X='a'"), "Y").empty());
}

TEST_CASE("a hostile file of assignments takes no more time than a large one") {
  std::string quotes = "X='";
  std::string lines;
  for (int i = 0; i < 500'000; ++i) quotes += i % 2 == 0 ? "'" : " ";
  for (int i = 0; i < 100'000; ++i) lines += "X" + std::to_string(i) + "=a\n";
  CHECK(parse_assignments(quotes + "b").empty());
  CHECK(parse_assignments(lines).size() == 100'000);
}

}  // namespace
}  // namespace everseal::importer
