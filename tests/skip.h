// What a test says that needs something this machine does not have. tests/run counts these and shows them.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <unistd.h>

namespace everseal {

// Whether CI has what is missing: what packaging/packages installs, root's rights, a mount.
enum class InCi { has_it, may_lack_it };

// Says why the test, or the rest of it, does not run. With CI=true in the environment that is a failure, unless CI may
// lack it, too.
inline void skip_test(const std::string& why, InCi in_ci = InCi::has_it) {
  const char* const ci = std::getenv("CI");
  if (in_ci == InCi::has_it && ci != nullptr && std::string_view(ci) == "true")
    FAIL_CHECK("must not be skipped in CI: ", why);
  else
    MESSAGE("SKIPPED: ", why);
}

inline bool skipped_without_root() {
  if (::geteuid() == 0) return false;
  skip_test("this needs root");
  return true;
}

}  // namespace everseal
