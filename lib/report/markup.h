// Text within XML and HTML.
#pragma once

#include "base/text.h"

#include <string>
#include <string_view>

namespace everseal::report {

// `text` made printable, with what means something in XML and HTML as references: for contents and quoted attributes.
std::string markup(std::string_view text);
inline std::string markup(const base::Untrusted& text) { return markup(std::string_view(text.raw())); }
// The same of text that is printable already.
std::string markup_of_printable(std::string_view text);

}  // namespace everseal::report
