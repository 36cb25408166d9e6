#include "show_rows.h"

#include "terminal.h"

namespace everseal::cli {

std::unique_ptr<report::Sink> open_sink(const Context& context) {
  report::Surface surface;
  surface.write = [](std::string_view text) { print(text); };
  surface.width = width(Stream::output);
  if (wants_colour(Stream::output)) surface.emphasis = report::Emphasis::colours;
  return report::require_kind(context.output == Output::json ? "json" : "table").open(std::move(surface));
}

}  // namespace everseal::cli
