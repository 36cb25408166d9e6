// What `everseal audit` does with its arguments.
#pragma once

#include "command.h"

namespace everseal::cli {

int run_audit_of(Context& context);  // the exit code

}  // namespace everseal::cli
