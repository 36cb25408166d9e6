// What changed since a time, for people and scripts.
#pragma once

#include "command.h"
#include "inventory/store.h"
#include "scan/difference.h"

namespace everseal::cli {

// Prints a line a place, what is worse first; nothing where nothing changed. True where anything did.
bool show_changes(const Context& context, inventory::Store& store, const scan::Span& span);
// `--diff`: "last" for what the last audit changed, "7d" for that long ago, "2026-11-30" or a time of RFC 3339.
// Error(usage), also where nothing was ever audited.
base::Time parse_since(const std::string& text, inventory::Store& store, base::Time now);

}  // namespace everseal::cli
