#include "scan/trust_stores.h"

#include "base/error.h"
#include "base/file.h"
#include "discover/walk.h"
#include "scan/named_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace everseal::scan {
namespace {

constexpr std::size_t kLargestBundle = std::size_t{32} << 20;

// Debian and its kin, Fedora and its kin, Alpine and the BSDs.
constexpr std::string_view kBundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/cert.pem"};

}  // namespace

std::vector<pki::Certificate> system_anchors() {
  if (const char* const named = ::secure_getenv("SSL_CERT_FILE"); named != nullptr && *named != '\0')
    return anchors_of(named);
  for (const std::string_view path : kBundles) {
    try {
      return pki::Certificate::parse_all(base::read_file(std::string(path), kLargestBundle));
    } catch (const base::Error& error) {
      if (error.fault() != base::Fault::not_found) throw;
    }
  }
  return {};
}

std::vector<pki::Certificate> local_anchors(const std::vector<pki::Certificate>& system) {
  return local_anchors(system, {"/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors",
                                "/etc/ca-certificates/trust-source/anchors"});
}

std::vector<pki::Certificate> local_anchors(const std::vector<pki::Certificate>& system,
                                            const std::vector<std::string>& directories) {
  discover::Walk walk;
  for (const std::string& directory : directories)
    if (std::filesystem::exists(directory)) walk.roots.push_back(directory);
  walk.links = discover::Links::follow;
  walk.threads = 1;
  std::vector<pki::Certificate> local;
  if (walk.roots.empty()) return local;
  discover::walk(walk, discover::Passwords(),
                 [&](const discover::File& file) {
                   for (const discover::FoundCertificate& found : file.certificates)
                     if (std::ranges::find(system, found.certificate) != system.end() &&
                         std::ranges::find(local, found.certificate) == local.end())
                       local.push_back(found.certificate);
                 },
                 {});
  return local;
}

std::vector<pki::Certificate> anchors_of(const std::string& path) {
  const base::Bytes octets = read_named_file(path, kLargestBundle, "trust store");
  try {
    return pki::Certificate::parse_all(octets);
  } catch (const base::Error& error) {
    throw base::Error(base::Fault::config, "trust store " + path + ": " + error.message(), error.hint());
  }
}

}  // namespace everseal::scan
