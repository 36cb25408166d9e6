// DNS plugins of other clients, and what they have in common with our providers.
#pragma once

#include "base/secret.h"
#include "importer/importer.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::importer {

// What the client stored for its plugins, by name; nullopt where there is no such thing.
using Credential = std::function<std::optional<base::Secret>(std::string_view name)>;

// The challenge that proves `names` as `plugin` ("dns-cloudflare" of certbot, "dns_cf" of acme.sh) did, with what
// `credential` gives; nullopt where no provider of ours does what it does, or something is missing.
std::optional<Challenge> translate_dns_plugin(std::string_view plugin, const Credential& credential,
                                              std::vector<pki::Identifier> names);

}  // namespace everseal::importer
