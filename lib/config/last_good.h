// Reading the config where some of it is broken: what was good when it was last read stands in for that.
#pragma once

#include "config/load.h"

#include <map>
#include <set>
#include <string>

namespace everseal::config {

// What is remembered of one file.
struct LastGood {
  std::string digest;    // of the text that was read without a problem; "" where there was one since
  std::string settings;  // TOML of its tables but the certificates, as they were last good; "" where it has none
  bool operator==(const LastGood&) const = default;
};
using Memory = std::map<std::string, LastGood>;  // by path

enum class Extent {
  settings,  // files that are remembered to hold settings
  changed,   // those, and every file that is not remembered as it is now
  all,
};

struct Loaded {
  Settings settings;
  std::map<Name, Certificate> certificates;  // the good ones of the files that were parsed
  std::set<Name> broken;                     // certificates that stand there and are no use
  std::set<std::string> parsed;              // paths of the files that say nothing beyond these two
  Unparsed unparsed;                         // files that say nothing now, whatever stands in for them
  base::Problems problems;                   // by file and line
  Memory memory;                             // what to remember from now on; of files that are gone nothing
  bool usable = true;                        // false where nothing stands in for a main file that cannot be read
};

// One file that cannot be read, or does not parse, and one table that is wrong stop themselves only: settings that were
// good before stand in for them; a certificate's former spec is the caller's to keep.
Loaded load(const Files& files, const Sources& sources, const Memory& before, const Kinds& kinds, Extent extent);

// The paths of the tables and root keys that differ: "issuer.le", "keep".
std::set<std::string> changed_settings(const Memory& before, const Memory& after);

}  // namespace everseal::config
