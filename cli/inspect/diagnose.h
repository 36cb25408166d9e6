// What is wrong with decoded contents, and what to make of it.
#pragma once

#include "base/time.h"
#include "inspect/contents.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::cli {

enum class Severity { error, warning, info };
std::string_view to_string(Severity severity) noexcept;

struct Trouble {
  Severity severity;
  std::string_view rule;            // stable, "expired"
  std::optional<std::size_t> item;  // index in Contents::items
  std::string text;                 // printable
};

// The worst first. Pure.
std::vector<Trouble> diagnose(const Contents& contents, base::Time now);

}  // namespace everseal::cli
