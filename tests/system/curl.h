// What an independent HTTP client, the program curl, gets from a server.
#pragma once

#include "system/program.h"

#include <string>

namespace everseal::system {

// The body of an answer of success; everything else throws, showing what was said. `ca_file`: "" for plain HTTP.
std::string http_get(const std::string& url, const std::string& ca_file = {});
std::string http_post(const std::string& url, const std::string& body, const std::string& ca_file = {});

}  // namespace everseal::system
