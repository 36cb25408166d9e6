// Programs run to their end, and the files that they read and write.
#pragma once

#include "base/process.h"

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace everseal::system {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

// Runs a program to its end. Throws where the program is missing, naming the package that has it.
base::Exit run(Words argv, const base::Command& how = {});
// The same, where only success will do; gives its output.
std::string run_or_fail(Words argv, const base::Command& how = {});
// All that a run said, for a failing check.
std::string transcript(const base::Exit& exit);

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text, unsigned mode = 0644);
bool contains(const std::string& text, const std::string& part);
// Looks until `condition` holds; throws, saying `what`, where it does not within half a minute.
void wait_until(const std::string& what, const std::function<bool()>& condition);

}  // namespace everseal::system
