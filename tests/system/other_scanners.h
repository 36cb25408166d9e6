// What testssl.sh and sslscan say of a server: held against what the audit says, by hand, as they take minutes.
#pragma once

#include <string>

namespace everseal::system {

// Where the other scanners speak of what a row of the zoo is about.
struct Agreement {
  std::string row;
  std::string id;       // of testssl.sh's findings
  std::string finding;  // which has this in it
  std::string sslscan;  // and its XML this; "": it does not speak of it
};

// Why they do not agree; "" where they do. `name`: asked for at `port` of 127.0.0.1.
std::string disagreement(const Agreement& expected, const std::string& name, int port, const std::string& root_file,
                         const std::string& scratch_file);

}  // namespace everseal::system
