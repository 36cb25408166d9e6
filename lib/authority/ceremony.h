// Authorities come to be here. Keys and files are durable in authorities/NAME before one transaction makes the
// authority exist; a run after a crash finishes what was complete and replaces what was not.
#pragma once

#include "base/name.h"
#include "base/secret.h"
#include "base/time.h"
#include "inventory/store.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "pki/name.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace everseal::authority {

using base::Name;
using base::Time;

enum class RootPlace {
  here,     // root.key.pem beside the intermediate's key, always encrypted
  offline,  // the root lives elsewhere: a CSR is written, and import_intermediate brings what was made of it
};

struct Ceremony {
  Name name;
  std::string organization;  // O of both subjects; "" : none
  RootPlace root = RootPlace::here;
  pki::KeyType root_key = pki::KeyType::ecdsa_p384;
  pki::KeyType intermediate_key = pki::KeyType::ecdsa_p256;
  base::Seconds root_lifetime = std::chrono::years{20};
  base::Seconds intermediate_lifetime = std::chrono::years{5};
  // Name constraints of the intermediate. Where names are permitted but no address is spoken of, all IP addresses are
  // excluded.
  std::vector<pki::NameConstraint> permitted;
  std::vector<pki::NameConstraint> excluded;
};

// Where the root's passphrase is kept.
enum class PassphraseKeeping { elsewhere, beside_key };  // beside_key: authorities/NAME/root.passphrase, 0600

struct Passphrases {
  const base::Secret* root = nullptr;  // must be there for a root that is made here
  PassphraseKeeping keeping = PassphraseKeeping::elsewhere;
  const base::Secret* intermediate = nullptr;  // nullptr: its key is a plain 0600 file
};

struct Founded {
  std::string directory;                 // authorities/NAME, absolute
  std::optional<pki::Certificate> root;  // absent while it waits for its intermediate
  std::optional<pki::Certificate> intermediate;
  std::optional<std::string> csr_file;         // what to have signed, where the root is offline
  std::optional<std::string> passphrase_file;  // where PassphraseKeeping::beside_key put it
  bool finished_earlier_run = false;           // its keys, certificates and passphrase are those of that run
  std::vector<std::string> mended;             // public files that were lost or damaged, and are written again
};

// Throws Error(exists) where the authority exists, or where its directory holds another one that the database does not
// know; Error(usage) for a passphrase that is missing or shorter than 8 octets, or lifetimes that do not fit.
Founded create_authority(inventory::Store& store, const Ceremony& wanted, const Passphrases& passphrases, Time now);

// The answer to an offline ceremony: the intermediate signed elsewhere and the chain up to its root. Throws
// Error(denied) naming every rule that the chain breaks, Error(not_found) where none waits.
Founded import_intermediate(inventory::Store& store, const Name& name, std::vector<pki::Certificate> chain, Time now);

// A CA that exists elsewhere: its chain up to the root, and its key; kept with `passphrase`, or plain where nullptr.
Founded import_authority(inventory::Store& store, const Name& name, std::vector<pki::Certificate> chain,
                         const pki::PrivateKey& key, const base::Secret* passphrase, Time now);

// Brings an authority's rows back from its directory, after the database was lost; its CRL's revocations too. Of one
// that is known the public files are written again. Throws Error(not_found) where no directory is there, Error(corrupt)
// that names what is missing where nothing knows it.
Founded adopt_authority(inventory::Store& store, const Name& name, Time now);

// Six groups of five characters that are hard to confuse, 150 bits.
base::Secret generate_passphrase();

}  // namespace everseal::authority
