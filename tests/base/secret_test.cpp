#include "base/secret.h"

#include <type_traits>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal::base;

TEST_CASE("a secret cannot be copied, printed or compared by accident") {
  CHECK_FALSE(std::is_copy_constructible_v<Secret>);
  CHECK_FALSE(std::is_copy_assignable_v<Secret>);
  CHECK_FALSE(fmt::is_formattable<Secret>::value);
  CHECK_FALSE(std::is_convertible_v<Secret, std::string>);
  CHECK_FALSE(std::is_convertible_v<std::string, Secret>);
  CHECK_FALSE(std::equality_comparable<Secret>);
}

TEST_CASE("taking a secret leaves nothing in the text it came from") {
  for (const std::string& original : {std::string("short"), std::string(100, 'x')}) {
    std::string text = original;
    const char* const memory = text.data();
    const Secret secret = Secret::take(text);
    CHECK(secret.reveal_text() == original);
    CHECK(text.empty());
    for (std::size_t i = 0; i < original.size(); ++i) CHECK(memory[i] == '\0');
  }
}

TEST_CASE("a moved-from secret is empty, and an overwritten one is wiped") {
  Secret first(std::string_view("first"));
  Secret second = std::move(first);
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): that is the point
  CHECK(second.reveal_text() == "first");
  second = Secret(std::string_view("second"));
  CHECK(second.reveal_text() == "second");
  Secret& same = second;
  second = std::move(same);
  CHECK(second.reveal_text() == "second");
  CHECK(second.copy().reveal_text() == "second");
  CHECK(Secret().size() == 0);
}

TEST_CASE("wiping overwrites memory") {
  char memory[] = "password";
  wipe(memory, sizeof memory);
  for (const char c : memory) CHECK(c == 0);
  wipe(nullptr, 0);
}
