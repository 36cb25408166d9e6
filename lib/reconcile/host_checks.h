// What the config names and this host lacks.
#pragma once

#include "config/config.h"

namespace everseal::reconcile {

// Directories, files, users and programs that are not there, and programs that a privileged process must not run. None
// of it makes a config wrong: it may be meant for another host, or for later. Opens nothing, secrets neither.
base::Problems host_problems(const config::Config& config);

}  // namespace everseal::reconcile
