// Finding and reading the config files.
#pragma once

#include "base/error.h"
#include "config/config.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace everseal::config {

// Which files are in play: the main one, where there is one, and conf.d/*.toml beside it, or of the state directory.
struct Files {
  std::optional<std::string> main;
  std::string fragments;  // the conf.d directory (may not exist)
};
// In order: `given`, $EVERSEAL_CONFIG (Error(config) where one of them does not exist), /etc/everseal/everseal.toml,
// ~/.config/everseal/everseal.toml. `~` and the variable are ignored when the effective and real user differ. Absolute.
std::optional<std::string> find_main(const std::optional<std::string>& given);
// Where the main file is, or belongs while there is none: as above without the demand that it exists, then
// /etc/everseal/everseal.toml as root and ~/.config/everseal/everseal.toml otherwise. nullopt where nothing was found
// and `state` or $EVERSEAL_STATE asks for a state of its own: that needs no config outside of it.
std::optional<std::string> place_of_main(const std::optional<std::string>& given,
                                         const std::optional<std::string>& state);
// $EVERSEAL_STATE, the config's (`configured`), /var/lib/everseal as root or where the config (`main`) is root's,
// ~/.local/share/everseal otherwise. `~` and the variable are ignored as above.
std::string default_state(const std::optional<std::string>& configured = std::nullopt,
                          const std::optional<std::string>& main = std::nullopt);
Files files(const std::optional<std::string>& main, const std::string& state);
std::string fragments_of(const std::string& state);  // the conf.d of a state directory; "" where it is a URL
// What is read, printable: "/etc/everseal/everseal.toml and /etc/everseal/conf.d".
std::string to_string(const Files& files);
// The fragments of the state directory where another conf.d is read, each as a problem of its file: who kept them
// before there was a config file takes them for the config still.
base::Problems not_read(const Files& files, const std::string& state);

// Every file's text, read once: the main file, then conf.d/*.toml sorted, without hidden ones. Error(config): one that
// is no regular file or larger than 16 MiB; as root, one that is not root-owned or is writable by others, or lies in
// such a directory.
struct Source {
  std::string path;
  std::string text;
};
std::vector<Source> read(const Files& files);

// The same where a file that cannot be read stops nothing but itself.
struct Sources {
  std::vector<Source> files;
  std::map<std::string, base::Problem> unread;  // by path; one that ends with '/' is a directory, and all that is in it
};
Sources read_each(const Files& files);
std::string digest(const std::vector<Source>& sources);  // SHA-256 over names and texts, hex
// Of all that a config may refer to: where it changes, unchanged files may mean something else.
std::string digest(const Kinds& kinds);

// Parses, merges and validates; appends every problem, by file and line. The Config is usable only where `problems`
// stayed empty.
enum class References { checked, elsewhere };  // elsewhere: what they name may stand in files that are not given
Config parse(const std::vector<Source>& sources, const Kinds& kinds, base::Problems& problems,
             References references = References::checked);
// The same, throwing Error(config) that lists all problems, one a line.
Config parse_or_throw(const std::vector<Source>& sources, const Kinds& kinds,
                      References references = References::checked);
// Error(config) that lists them, one a line.
base::Error refusal(const base::Problems& problems);
// Only `state`, cheaply, before anything else is known; nullopt also where that cannot be read, which parse() explains.
std::optional<std::string> state_of(const std::vector<Source>& sources);
// Against the current directory; a URL stays.
std::string absolute(const std::string& path);
// A relative directory against the file that says it; a URL stays.
std::string resolve_state(const std::string& text, const base::Origin& origin);

}  // namespace everseal::config
