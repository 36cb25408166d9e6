#include "certificate_file.h"

#include "base/error.h"
#include "base/file.h"

namespace everseal::cli {

std::vector<pki::Certificate> read_certificates(const std::string& file) {
  constexpr std::size_t kLargest = 1 << 22;
  return base::within(file, [&] { return pki::Certificate::parse_all(base::read_file(file, kLargest)); });
}

}  // namespace everseal::cli
