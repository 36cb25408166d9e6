#include "show_rows.h"

#include "terminal.h"

namespace everseal::cli {

report::Surface output_surface() {
  report::Surface surface;
  surface.write = [](std::string_view text) { print(text); };
  surface.width = width(Stream::output);
  if (wants_colour(Stream::output)) surface.emphasis = report::Emphasis::colours;
  return surface;
}

std::unique_ptr<report::Sink> open_sink(const Context& context) {
  return report::require_kind(context.output == Output::json ? "json" : "table").open(output_surface());
}

}  // namespace everseal::cli
