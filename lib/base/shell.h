// Words for a shell that a person types or pastes into; nothing here is run by one.
#pragma once

#include <string>
#include <string_view>

namespace everseal::base {

// As one word of a command line, quoted where it needs that.
std::string shell_word(std::string_view text);

}  // namespace everseal::base
