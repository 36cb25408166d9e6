#include "report/paint.h"

#include <fmt/format.h>

namespace everseal::report {

void paint(std::string& out, std::string_view text, Tone tone, Emphasis emphasis) {
  if (emphasis == Emphasis::none || tone == Tone::plain) {
    out += text;
    return;
  }
  const std::string_view code = tone == Tone::heading   ? "1"
                                : tone == Tone::bad     ? "31"
                                : tone == Tone::warning ? "33"
                                                        : "32";
  out += fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace everseal::report
