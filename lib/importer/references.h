// Server configs that read the files of another client.
#pragma once

#include "importer/host_files.h"

#include <string>
#include <vector>

namespace everseal::importer {

// Lines below the nginx, Apache and HAProxy folders of /etc that name one of `paths` (absolute, as the host sees them)
// or something below it; comments do not count. A file that several links lead to counts once, as what they lead to.
std::vector<Trace> references(const std::string& root, const std::vector<std::string>& paths);

}  // namespace everseal::importer
