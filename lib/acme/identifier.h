// Identifiers as ACME writes them (RFC 8555 section 7.1.3, RFC 8738).
#pragma once

#include "base/value.h"
#include "pki/name.h"

#include <string>

namespace everseal::acme {

// {"type":"dns","value":"www.example.org"}. Error(config) for kinds that ACME has no type for.
std::string identifier_json(const pki::Identifier& identifier);
// Error(invalid) for a type or a value that we could not have asked for.
pki::Identifier parse_identifier(const base::Table& json);

}  // namespace everseal::acme
