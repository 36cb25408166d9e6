#include "issuer/issuer.h"

#include "base/error.h"

#include <algorithm>

namespace everseal::issuer {

GivenUp Issuer::give_up(const Name&, int, std::stop_token) { return GivenUp::yes; }

RenewalInfo Issuer::renewal_info(const pki::Certificate&, base::Time, std::stop_token) {
  throw base::Error(base::Fault::internal, "this kind of issuer has no renewal information");
}

std::string Issuer::rehearse(const Request&, base::Time, std::stop_token) { return "it was not asked"; }

const Kind* find_kind(std::string_view name) noexcept {
  const auto all = kinds();
  const auto found = std::ranges::find(all, name, [](const Kind* kind) { return kind->name; });
  return found == all.end() ? nullptr : *found;
}

}  // namespace everseal::issuer
