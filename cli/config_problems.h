// What of the config is unusable, for commands that only read.
#pragma once

#include "base/value.h"
#include "reconcile/host.h"
#include "report/json.h"

#include <string>

namespace everseal::cli {

// To stderr, as a run tells them.
void warn_of(const base::Problems& problems);
// Of files that look like the config and are not read.
void warn_of_not_read(const reconcile::Host& host);
// The array that a document has as its "problems".
void write(report::JsonWriter& writer, const base::Problems& problems);
std::string problems_in_json(const base::Problems& problems);
std::string json_or_null(std::string_view text);  // null for ""

}  // namespace everseal::cli
