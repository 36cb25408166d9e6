// Programs of the distribution that check what a report says.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <doctest/doctest.h>
#include <unistd.h>

namespace everseal {

// What a program of the distribution says of `text`; nullopt where it is not installed.
inline std::optional<std::string> said_by(const std::string& program, const std::string& arguments,
                                          const std::string& text) {
  if (std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) != 0) return std::nullopt;
  char folder[] = "/tmp/everseal-report-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string input = folder + std::string("/in"), output = folder + std::string("/out");
  std::ofstream(input) << text;
  const int status = std::system((program + " " + arguments + " <" + input + " >" + output + " 2>&1").c_str());
  std::ifstream stream(output);
  std::string said{std::istreambuf_iterator<char>(stream), {}};
  if (status != 0) said += "status " + std::to_string(status);
  for (const std::string& file : {input, output}) ::unlink(file.c_str());
  ::rmdir(folder);
  return said;
}

}  // namespace everseal
