#pragma once

#include "authority/ceremony.h"
#include "reconcile/verb.h"

#include <optional>
#include <vector>

namespace everseal::reconcile {

struct CaImportRequest {
  Name name;
  std::vector<pki::Certificate> chain;       // the CA certificate and those above it, up to the root
  std::optional<pki::PrivateKey> key;        // absent: the answer to an offline ceremony here
  const base::Secret* passphrase = nullptr;  // encrypts the key here; null: a plain 0600 file
};

// Brings in an intermediate that was signed elsewhere, or a whole CA; makes the state where it is missing. Throws what
// authority/ceremony.h throws, and Error(busy) while another run is at work.
authority::Founded ca_import(const Host& host, CaImportRequest request);

extern const Verb ca_import_verb;

}  // namespace everseal::reconcile
