// What certificates a directory tree holds, judged as an audit of it does.
#pragma once

#include "command.h"

namespace everseal::cli {

// A directory that exists?
bool is_tree(const std::string& what);
// Prints a table or schema/output/inspect-directory.schema.json; the exit code. Error(usage/config).
int inspect_tree(const Context& context, const std::string& what);

}  // namespace everseal::cli
