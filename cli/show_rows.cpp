#include "show_rows.h"

#include "terminal.h"

namespace everseal::cli {

std::unique_ptr<report::Sink> open_sink(const Context& context, base::Time now) {
  report::Settings settings;
  settings.width = width(Stream::output);
  if (wants_colour(Stream::output)) settings.emphasis = report::Settings::Emphasis::terminal;
  settings.now = now;
  settings.write = print;
  return report::find_kind(context.output == Output::json ? "json" : "table")->open(std::move(settings));
}

}  // namespace everseal::cli
