// Server configs that read the files of another client.
#pragma once

#include "discover/host_files.h"
#include "discover/listeners.h"

#include <string>
#include <vector>

namespace everseal::importer {

using discover::HostFiles;
using discover::Listeners;
using discover::ServerKind;
using discover::Trace;

struct Reference {
  Trace trace;
  ServerKind server = ServerKind::nginx;
  std::vector<std::string> paths;      // that the line names
  std::vector<std::string> listeners;  // of that server
};

// Lines below the nginx, Apache and HAProxy folders of /etc that name one of `paths` (absolute, as the host sees them)
// or something below it; comments do not count. A file that several links lead to counts once, as what they lead to.
std::vector<Reference> references(const std::string& root, const std::vector<std::string>& paths);

}  // namespace everseal::importer
