// What a Command means: which program, which environment.
#pragma once

#include "base/ownership.h"
#include "base/process.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::base {

// Where programs without a path are looked for.
inline constexpr std::string_view kProgramPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Throws Error(invalid).
void require_usable(const Command& command);
// "NAME=VALUE", as the program gets them; `account` is the one it runs as, where that is not the caller's.
std::vector<std::string> environment_of(const Command& command, const std::optional<Account>& account);

}  // namespace everseal::base
