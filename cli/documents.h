// Which command prints which document with --json.
#pragma once

#include <span>
#include <string_view>

namespace everseal::cli {

struct Document {
  std::string_view command;  // its words; "": every command
  std::string_view when;     // the option with which it prints this one, or "" for the usual case
  std::string_view schema;   // of schema/output/<schema>.schema.json
};

// Sorted by command.
std::span<const Document> documents();

}  // namespace everseal::cli
