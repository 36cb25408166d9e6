#include "scan/further_looks.h"

#include "pki/digest.h"

namespace everseal::scan {
namespace {

constexpr std::int64_t kDay = 86'400;

// Seconds of the day.
std::int64_t own_time(std::string_view endpoint) {
  const pki::Sha256 digest = pki::sha256(base::as_bytes(endpoint));
  return ((digest[0] << 16) | (digest[1] << 8) | digest[2]) % kDay;
}

}  // namespace

bool is_further_look_due(std::string_view endpoint, const FurtherLooks& looks, base::Time now) {
  const auto last = looks.last ? looks.last : looks.first;
  if (!last) return false;
  const std::int64_t since_own_time = (base::to_unix(now) - own_time(endpoint)) % kDay;
  return *last < now - base::Seconds{since_own_time};
}

}  // namespace everseal::scan
