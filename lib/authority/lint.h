// Rules that every certificate of ours keeps (RFC 5280, RFC 9525 and what verifiers demand), read off the finished DER.
#pragma once

#include "authority/policy.h"
#include "pki/certificate.h"

#include <vector>

namespace everseal::authority {

enum class Kind { root, intermediate, leaf };

// Every broken rule of `certificate` under `issuer` (itself for a root); empty: none. The signature is not checked.
std::vector<Refusal> lint(const pki::Certificate& certificate, const pki::Certificate& issuer, Kind kind);

}  // namespace everseal::authority
