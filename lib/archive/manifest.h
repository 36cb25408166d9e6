// A version's manifest.json.
#pragma once

#include "archive/archive.h"

#include <string>
#include <string_view>

namespace everseal::archive {

std::string to_json(const Manifest& manifest);

// Throws Error(corrupt) that says what is wrong with it. Members that it does not know are passed over, so that an
// older Everseal reads what a newer one wrote.
Manifest parse_manifest(std::string_view json);

}  // namespace everseal::archive
