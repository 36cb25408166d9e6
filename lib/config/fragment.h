// conf.d/<name>.toml: what `issue` asked to keep alive; conf.d/<family>@<name>.toml: what else `import` wrote.
#pragma once

#include "config/config.h"
#include "config/load.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace everseal::config {

// [issuer.NAME], [challenge.NAME] or [certificate.NAME], which is to be a file of its own.
struct Fragment {
  std::string family;  // "issuer"
  Name name;
  base::Table options;
  std::string proposal = {};  // TOML that stands below behind '#', for the operator to decide
};
Fragment fragment_of(const Certificate& certificate);

// The TOML text of one certificate, which parse() reads back to the same normal form. Error(usage) where a text is not
// UTF-8.
std::string to_toml(const Certificate& certificate);

// What one fragment becomes, decided before it is written.
struct Change {
  Certificate certificate;               // as the config has it then
  std::string before;                    // the file's text; "" where there is none
  std::string after;                     // equal to `before` where nothing is to be written
  std::vector<std::string> differences;  // of a certificate that was there (change.h)
};
enum class Existing { changed, replaced };
// conf.d/<name>.toml as it is to be so that certificate `name` has `options` (change.h): a new file; or where one
// stands, the same with those options changed, or another in its place. The whole config is good with it. `present` is
// the config as it is. Throws Error(usage) for options that are wrong, Error(config) for a config that would be,
// Error(exists) where the name is defined in another file, or the file cannot be changed without touching what else is
// written there.
Change plan_change(const Files& files, const Settings& settings, const Name& name, const base::Table& options,
                   Existing existing, const Kinds& kinds);
// Durable and atomic; what stood there is kept as <name>.toml.bak. Throws Error(io) with what to do where the caller
// may not write there.
void write_change(const Files& files, const Change& change);
// Where certificate `name` is defined. A file that does not parse defines nothing.
enum class DefinedIn { nothing, fragment, another_file };  // fragment: conf.d/<name>.toml, and nothing else is in it
DefinedIn where_defined(const Files& files, const Name& name);
// Takes the fragment away, durably; nothing where there is none. Error(io) as above.
void remove_fragment(const Files& files, const Name& name);
// Its file in that conf.d, whether it is there or not.
std::string fragment_path(const std::string& directory, const Name& certificate);

// Fragments that are written in one go, each as a new file.
class Draft {
 public:
  Draft(Files files, Kinds kinds) : files_(std::move(files)), kinds_(std::move(kinds)) {}

  // Is there no file of that name, nor one in the draft?
  bool is_free(const Fragment& fragment) const;
  // What the config gets by it. Error(config) and Error(usage) where it is wrong whatever the other files say, to which
  // its references may lead; Error(exists) where it is not free.
  Config read(const Fragment& fragment) const;
  // What it refers to comes first. Error(exists) where it is not free.
  void add(Fragment fragment);
  bool empty() const noexcept { return fragments_.empty(); }
  // Each durable and atomic, in order, where the config has no other problem with all of them than before: otherwise
  // Error(config).
  // Error(io) as above. After an error none of them is there; a crash leaves the first of them.
  void write() const;

 private:
  void require_free(const Fragment& fragment) const;

  Files files_;
  Kinds kinds_;
  std::vector<Fragment> fragments_;
  std::set<std::string> names_;  // of their files
};

}  // namespace everseal::config
