// The public files of authorities/NAME against what the database knows of them: what is lost or damaged, and back
// again.
#pragma once

#include "base/directory.h"
#include "base/name.h"
#include "inventory/store.h"

#include <string>
#include <vector>

namespace everseal::authority {

using base::Name;

// Throws Error(corrupt) that names what a directory lacks to be taken for an authority where no database knows it. What
// is half there would otherwise become one that waits for its intermediate.
void require_whole(const base::Directory& directory);
// Root and intermediate are there.
bool has_chain(const base::Directory& directory);

// Why it cannot sign, as far as a look at its directory tells; "": nothing is missing, or it waits for its intermediate.
std::string missing_to_sign(inventory::Store& store, const Name& name);

struct FileTrouble {
  std::string file;  // "root.pem"
  std::string what;  // "is missing", printable
  std::string text;  // what it should hold; "" where it holds something else, of which a person has to judge
};

// Of an authority that the database knows; none where its directory is missing, with its keys.
std::vector<FileTrouble> file_troubles(inventory::Store& store, const Name& name);
// Writes what is lost or damaged again; gives the files' names.
std::vector<std::string> mend_files(inventory::Store& store, const Name& name);

}  // namespace everseal::authority
