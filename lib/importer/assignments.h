// A file of shell assignments, in which acme.sh keeps what it knows. It is read, never run.
#pragma once

#include "base/secret.h"

#include <map>
#include <string>
#include <string_view>

namespace everseal::importer {

// NAME=VALUE, NAME='VALUE' and NAME="VALUE", one a line; the last of a name counts. A value that acme.sh has written in
// base64 is decoded. Lines of any other form are passed over: nothing is expanded or executed.
using Assignments = std::map<std::string, base::Secret, std::less<>>;
Assignments parse_assignments(std::string_view text);

std::string text_at(const Assignments& assignments, std::string_view name);  // "" where absent

}  // namespace everseal::importer
