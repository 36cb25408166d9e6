#pragma once

#include "command.h"
#include "report/report.h"

#include <memory>

namespace everseal::cli {

// Standard output as a report is shown there.
report::Surface output_surface();
// The sink that --json or the terminal asks for, writing to stdout.
std::unique_ptr<report::Sink> open_sink(const Context& context);

}  // namespace everseal::cli
