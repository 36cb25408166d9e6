// What runs another client by itself, found by reading files: nothing is run.
#pragma once

#include "discover/host_files.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::importer {

using discover::HostFiles;
using discover::Trace;

// Timers of systemd, the system's and root's own, that are enabled, and cron lines and periodic scripts in force, whose
// command is `program` ("certbot"). `root` is the
// host's root directory, "/" for this host. What cannot be read is passed over.
std::vector<Trace> active_schedules(const std::string& root, std::string_view program);

}  // namespace everseal::importer
