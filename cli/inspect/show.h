// Contents and their troubles, for people and for programs.
#pragma once

#include "inspect/contents.h"
#include "inspect/diagnose.h"

#include <optional>
#include <span>
#include <string>

namespace everseal::cli {

// `width`: columns of the terminal; absent: lines are as long as they are.
std::string inspection_text(const Contents& contents, std::span<const Trouble> troubles, base::Time now,
                            std::optional<std::size_t> width);
// schema/output/inspect.schema.json
std::string inspection_json(const Contents& contents, std::span<const Trouble> troubles);

}  // namespace everseal::cli
