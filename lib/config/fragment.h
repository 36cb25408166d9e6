// conf.d/<name>.toml: what `issue` asked to keep alive; conf.d/<family>.<name>.toml: what else `import` wrote.
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
};
Fragment fragment_of(const Certificate& certificate);

// The TOML text of one certificate, which parse() reads back to the same normal form. Error(usage) where a text is not
// UTF-8.
std::string to_toml(const Certificate& certificate);
// Writes it, durable and atomic, over an earlier fragment of the same certificate, where the whole config is good with
// it: otherwise Error(config), and nothing is written. Error(io) with what to do where the caller may not write there;
// Error(exists) where the name is defined in another file, or its file holds something else as well.
void write_fragment(const Files& files, const Certificate& certificate, const Kinds& kinds);
// Removes it; false where the certificate is defined elsewhere.
bool remove_fragment(const Files& files, const Name& name);

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
  // Each durable and atomic, in order, where the whole config is good with all of them: otherwise Error(config).
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
