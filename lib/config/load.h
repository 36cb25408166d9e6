// Finding and reading the config files.
#pragma once

#include "config/config.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::config {

// Which files are in play: the main one, where there is one, and conf.d/*.toml beside it, or of the state directory.
struct Files {
  std::optional<std::string> main;
  std::string fragments;            // the conf.d directory (may not exist)
};
// In order: `given` (must exist), $EVERSEAL_CONFIG, /etc/everseal/everseal.toml, ~/.config/everseal/everseal.toml. `~` and the
// variable are ignored when the effective and real user differ.
std::optional<std::string> find_main(const std::optional<std::string>& given);
// $EVERSEAL_STATE, the config's, /var/lib/everseal as root, ~/.local/share/everseal otherwise.
std::string default_state();
Files files(const std::optional<std::string>& main, const std::string& state);

// Every file's text, read once. As root each must be root-owned and not writable by others, else Error(config).
struct Source { std::string path; std::string text; };
std::vector<Source> read(const Files& files);
std::string digest(const std::vector<Source>& sources);     // SHA-256 over names and texts, hex

// Parses, merges and validates; appends every problem. The Config is usable only where `problems` stayed empty.
Config parse(const std::vector<Source>& sources, const Kinds& kinds, base::Problems& problems);
// The same, throwing Error(config) that lists all problems, one a line.
Config parse_or_throw(const std::vector<Source>& sources, const Kinds& kinds);
// Only `state`, cheaply, before anything else is known.
std::optional<std::string> state_of(const std::vector<Source>& sources);

}  // namespace everseal::config
