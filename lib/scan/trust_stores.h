// The CA certificates that clients trust, read from where a machine has them.
#pragma once

#include "pki/certificate.h"

#include <string>
#include <vector>

namespace everseal::scan {

// The bundle that $SSL_CERT_FILE names, else the system's; no certificate where it has none.
std::vector<pki::Certificate> system_anchors();
// Of these, those that somebody added to this machine's by hand: what lies in `directories`, by default where Debian,
// Fedora and Arch and their kin have it.
std::vector<pki::Certificate> local_anchors(const std::vector<pki::Certificate>& system);
std::vector<pki::Certificate> local_anchors(const std::vector<pki::Certificate>& system,
                                            const std::vector<std::string>& directories);
// A PEM bundle or one DER certificate that an operator named. Error(config) that names the file.
std::vector<pki::Certificate> anchors_of(const std::string& path);

}  // namespace everseal::scan
