// What the audit's rules mean, for people.
#pragma once

#include "command.h"

#include <string>

namespace everseal::cli {

// Prints what it means, what to do and where it comes from. Error(usage) with the nearest one for a rule that is none.
int explain_rule(const Context& context, const std::string& id);

}  // namespace everseal::cli
