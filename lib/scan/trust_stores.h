// The CA certificates that clients trust, read from where a machine has them.
#pragma once

#include "pki/certificate.h"

#include <string>
#include <vector>

namespace everseal::scan {

// The bundle that $SSL_CERT_FILE names, else the system's; no certificate where it has none.
std::vector<pki::Certificate> system_anchors();
// A PEM bundle or one DER certificate that an operator named. Error(config) that names the file.
std::vector<pki::Certificate> anchors_of(const std::string& path);

}  // namespace everseal::scan
