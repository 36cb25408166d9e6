// What testssl.sh and sslscan say of a server: held against what the audit says, by hand, as they take minutes.
#pragma once

#include "system/program.h"

#include <string>

namespace everseal::system {

// Where the other scanners speak of what a row of the zoo is about.
struct Agreement {
  std::string row;
  Words tests;          // of testssl.sh; all of them take many times as long
  std::string id;       // of its findings there
  std::string finding;  // which begins with this
  std::string sslscan;  // what its XML has in it; "": it does not speak of it, and is not asked
};

// Why they do not agree; "" where they do. `name`: asked for at `port` of 127.0.0.1.
std::string disagreement(const Agreement& expected, const std::string& name, int port, const std::string& root_file,
                         const std::string& scratch_file);

}  // namespace everseal::system
