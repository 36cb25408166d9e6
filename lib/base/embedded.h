// A text file of the source tree that CMake compiled into the program.
#pragma once

#include <string_view>

namespace everseal::base {

struct EmbeddedFile {
  std::string_view name;  // without folders
  std::string_view text;
};

}  // namespace everseal::base
