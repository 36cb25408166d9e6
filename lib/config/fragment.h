// conf.d/<name>.toml: what `issue` asked to keep alive; conf.d/<family>.<name>.toml: what else `import` wrote.
#pragma once

#include "config/config.h"
#include "config/load.h"

#include <optional>
#include <string>

namespace everseal::config {

// The TOML text of one certificate, which parse() reads back to the same normal form. Error(usage) where a text is not
// UTF-8.
std::string to_toml(const Certificate& certificate);
// Where the certificate is defined, if it is.
std::optional<base::Origin> where(const Files& files, const Name& name);
// Writes it, durable and atomic, over an earlier fragment of the same certificate, where the whole config is good with
// it: otherwise Error(config), and nothing is written. Error(io) with what to do where the caller may not write there;
// Error(exists) where the name is defined in another file, or its file holds something else as well.
void write_fragment(const Files& files, const Certificate& certificate, const Kinds& kinds);
// [issuer.NAME] or [challenge.NAME], as a file of its own. Errors as above; Error(exists) where the file is there.
struct Fragment {
  std::string family;  // "issuer"
  Name name;
  base::Table options;
};
void write_fragment(const Files& files, const Fragment& fragment, const Kinds& kinds);
// Removes it; false where the certificate is defined elsewhere (then `where` tells).
bool remove_fragment(const Files& files, const Name& name);

}  // namespace everseal::config
