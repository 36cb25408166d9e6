// What an opened authority holds; for this module's own files.
#pragma once

#include "authority/authority.h"
#include "pki/key.h"

#include <set>
#include <string>
#include <vector>

namespace everseal::authority {

// A key that ends with the process, and a CA of the authority's name that it signs for.
struct ThrowAway {
  pki::PrivateKey key;
  pki::Certificate certificate;
};

struct OwnedConstraints {
  std::string owner;
  Constraints constraints;
};

struct Authority::State {
  inventory::Store& store;
  Name name;
  int generation;
  Settings settings;
  base::Directory directory;
  pki::Certificate certificate;
  pki::Certificate root;
  pki::Signer signer;
  std::vector<pki::Certificate> chain;
  base::Bytes key_id;
  std::vector<OwnedConstraints> constraints;  // of the chain, root included
  std::optional<ThrowAway> throw_away;        // made when first needed
  std::set<std::string> linted_shapes;        // templates alike to one that the throw-away key signed
};

}  // namespace everseal::authority
