// What of the config is unusable, for commands that only read.
#pragma once

#include "base/value.h"
#include "report/json.h"

#include <string>

namespace everseal::cli {

// To stderr, as a run tells them.
void warn_of(const base::Problems& problems);
// The array that a document has as its "problems".
void write(report::JsonWriter& writer, const base::Problems& problems);
std::string problems_in_json(const base::Problems& problems);

}  // namespace everseal::cli
