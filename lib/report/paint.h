// Text in the colour of its tone.
#pragma once

#include "report/report.h"

#include <string>
#include <string_view>

namespace everseal::report {

// Appends printable text; in colours where they are wanted and the tone has one (ECMA-48 SGR).
void paint(std::string& out, std::string_view text, Tone tone, Emphasis emphasis);

}  // namespace everseal::report
