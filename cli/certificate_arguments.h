// The options of `issue`, turned into what a config file would have said.
#pragma once

#include "command.h"
#include "config/config.h"
#include "pki/csr.h"

namespace everseal::cli {

// With `csr`, identifiers and subject default to what it asks for. Error(usage) for each rule broken.
config::Certificate certificate_from_arguments(const Context& context, const pki::Csr* csr);

}  // namespace everseal::cli
