// A file of certificates that a command line names.
#pragma once

#include "pki/certificate.h"

#include <string>
#include <vector>

namespace everseal::cli {

// PEM or DER, at least one; Error says which file is wrong.
std::vector<pki::Certificate> read_certificates(const std::string& file);

}  // namespace everseal::cli
