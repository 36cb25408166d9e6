#include "show_rows.h"

#include "terminal.h"

namespace everseal::cli {

std::unique_ptr<report::Sink> open_sink(const Context& context) {
  report::Surface surface;
  surface.write = print;
  surface.width = width(Stream::output);
  if (wants_colour(Stream::output)) surface.emphasis = report::Emphasis::bold;
  return report::require_kind(context.output == Output::json ? "json" : "table").open(std::move(surface));
}

}  // namespace everseal::cli
