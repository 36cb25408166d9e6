// What is wrong with a state: the directory, the database, the history, and whether the files that the database speaks
// of are there and say the same.
#pragma once

#include "reconcile/host.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile {

enum class Severity {
  error,    // something is lost, wrong or open to others
  warning,  // the state is sound; somebody has to do something
};
std::string_view to_string(Severity severity) noexcept;

struct Complaint {
  std::string rule;  // "live-link-wrong": stable, for programs
  Severity severity = Severity::error;
  std::string subject;  // "certificate/www", "authority/corp", "store"
  std::string what;     // printable: "the live link of www leads to version 4, and version 5 is in use"
  std::string remedy;   // what to do, in words
  std::string command;  // a line for a shell that mends it; "" where a person has to decide
};

// Looks at the directory, the database, the history, the archive, live links and deployed files, authorities, and the
// accounts that the config uses. Changes nothing but left-over temporary files of killed runs, which it removes. Secrets
// are opened, and closed again. Error(busy) where another run works on the state for longer than ten seconds.
std::vector<Complaint> examine(const Host& host);

}  // namespace everseal::reconcile
