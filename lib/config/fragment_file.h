// Files of conf.d as they are named, spelt and written. For config only.
#pragma once

#include "config/fragment.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::config {

// No name holds an '@', so that no certificate's file is called as that of a challenge.
std::string file_of(const Fragment& fragment);
std::string path_of(const Files& files, const Fragment& fragment);
// Its tables, without the proposal.
std::string to_toml(const Fragment& fragment);
// Behind a blank line, each line behind '#'; "" for no lines.
std::string commented(std::string_view lines);
// Durable and atomic; what stood there, `before`, is kept beside it. Error(io) with what to do where the caller may not
// write there.
void put(const Files& files, const Fragment& fragment, const std::string& before, const std::string& text);
// Error(config) where the config would have problems with `wanted` that it does not have at present. What is wrong
// elsewhere stays wrong, and is nobody's business here. What a reference names may stand in a file that cannot be read.
void require_no_new_problem(const Sources& present, const std::vector<Source>& wanted, const Kinds& kinds);

}  // namespace everseal::config
