// Text that may have been made printable before.
#pragma once

#include <string>
#include <string_view>

namespace everseal::base {

// As printable(), but escapes that it wrote stay: what failed is kept and shown again as it was said. So an escape says
// no more whether the text had that character, or the escape.
std::string reprinted(std::string_view text);

}  // namespace everseal::base
