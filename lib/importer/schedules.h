// What else on this host works with another client, found by reading files: nothing is run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace everseal::importer {

struct Trace {
  std::string file;
  int line = 0;      // 0: the file as such
  std::string text;  // the line, printable
};

// Timers of systemd that are enabled, and cron lines in force, whose command is `program` ("certbot"). `root` is the
// host's root directory, "/" for this host. What cannot be read is passed over.
std::vector<Trace> active_schedules(const std::string& root, std::string_view program);

// Lines below the nginx, Apache and HAProxy folders of /etc that name one of `paths` (absolute, as the host sees them)
// or something below it; comments do not count.
std::vector<Trace> references(const std::string& root, const std::vector<std::string>& paths);

}  // namespace everseal::importer
