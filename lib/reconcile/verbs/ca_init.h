#pragma once

#include "authority/ceremony.h"
#include "reconcile/verb.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::reconcile {

struct CaInitRequest {
  authority::Ceremony ceremony;                   // its name constraints are those below
  std::vector<std::string> permitted, excluded;   // empty: what [authority.NAME] says
  std::optional<std::string> passphrase_file;     // of the intermediate's key; absent: what [authority.NAME] says
  const base::Secret* root_passphrase = nullptr;  // null: one is made and kept beside the key
};

// Makes a root and an intermediate, or the request for an offline root; and the state where it is missing. Throws what
// authority/ceremony.h throws, Error(config) for a passphrase_file that the config does not name, and Error(busy) while
// another run is at work.
authority::Founded ca_init(const Host& host, CaInitRequest request);
// Before a person is asked for a passphrase. Error(exists) where there is such an authority.
void require_new_authority(const Host& host, const Name& name);

extern const Verb ca_init_verb;
// What the verb's fields ask for, without a passphrase. Error(usage).
CaInitRequest ca_init_request(const base::Options& fields);

}  // namespace everseal::reconcile
