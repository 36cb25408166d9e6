// A version's manifest.json.
#pragma once

#include "archive/archive.h"

#include <string>
#include <string_view>

namespace everseal::archive {

// What is left of a removal: versions up to `through` are nobody's.
struct Removal {
  int through = 0;
  base::Time when;
};

std::string to_json(const Removal& removal);
Removal parse_removal(std::string_view json);  // Error(corrupt)

std::string to_json(const std::vector<Request>& requests);
std::vector<Request> parse_requests(std::string_view json);  // Error(corrupt)

std::string to_json(const Manifest& manifest);

// Throws Error(corrupt) that says what is wrong with it. Members that it does not know are passed over, so that an
// older Everseal reads what a newer one wrote.
Manifest parse_manifest(std::string_view json);

}  // namespace everseal::archive
