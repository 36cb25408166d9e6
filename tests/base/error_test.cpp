#include "base/error.h"

#include <cerrno>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

using namespace everseal::base;

TEST_CASE("an error carries its fault, message and hint") {
  const Error error(Fault::denied, "profile server forbids it", "ask for another");
  CHECK(error.fault() == Fault::denied);
  CHECK(error.message() == "profile server forbids it");
  CHECK(error.hint() == "ask for another");
  CHECK(std::string(error.what()) == error.message());
}

TEST_CASE("context is added outermost first, and fault and hint stay") {
  try {
    within("renew www", [] {
      within("order at letsencrypt", [] { throw Error(Fault::unreachable, "no route to host", "check the network"); });
    });
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.message() == "renew www: order at letsencrypt: no route to host");
    CHECK(error.fault() == Fault::unreachable);
    CHECK(error.hint() == "check the network");
  }
}

TEST_CASE("context hands results through and leaves other exceptions alone") {
  CHECK(within("sum", [] { return 2 + 2; }) == 4);
  int value = 1;
  within("by reference", [&value]() -> int& { return value; }) = 7;
  CHECK(value == 7);
  CHECK_THROWS_AS(within("other", [] { throw std::logic_error("x"); }), std::logic_error);
}

TEST_CASE("every fault has a name of its own") {
  std::vector<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(Fault::internal); ++i) {
    const std::string_view name = to_string(static_cast<Fault>(i));
    for (const std::string_view other : seen) CHECK(name != other);
    seen.push_back(name);
  }
}

TEST_CASE("errno becomes a lower-case message, with a hint where something can be done") {
  struct Case {
    int code;
    std::string_view message;
    bool hint;
  };
  for (const auto& [code, message, hint] : {Case{EACCES, "cannot open /x: permission denied", false},
                                            Case{ENOSPC, "cannot open /x: no space left on device", true},
                                            Case{EROFS, "cannot open /x: read-only file system", true}}) {
    errno = code;
    const Error error = errno_error("open", "/x");
    CHECK(error.message() == message);
    CHECK(error.hint().empty() != hint);
    CHECK(error.fault() == Fault::io);
  }
}
