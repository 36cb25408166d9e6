// A database that was closed cleanly on a medium that cannot be written needs no log and no locks.
#pragma once

#include <optional>
#include <string>

namespace everseal::sql {

std::string directory_of(const std::string& path);

// The URI that opens `file` so; nullopt where its directory can be written or its log holds something.
std::optional<std::string> immutable_uri(const std::string& file);

}  // namespace everseal::sql
