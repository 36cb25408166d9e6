// What a kind tells the program that it runs.
#pragma once

#include <string_view>

namespace everseal::base {

// A variable in the program's environment: part of its contract, which `everseal kinds` shows.
struct Variable {
  std::string_view name;
  std::string_view summary;
};

}  // namespace everseal::base
