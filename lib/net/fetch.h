// What a stranger's URL points at: fetched by http or https, from public addresses alone, bounded in size and time.
#pragma once

#include "base/secret.h"
#include "pki/name.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::net {

struct FetchRules {
  std::vector<pki::NameConstraint> allowed;         // address ranges that may be connected to beside the public ones
  std::string proxy;                                // URL; "": none, whatever the environment says
  std::shared_ptr<const base::Secret> proxy_login;  // "USER:PASSWORD"; null: none
  std::chrono::milliseconds limit{10'000};          // of one fetch, its redirects included
  std::size_t largest = std::size_t{1} << 20;       // octets of a body
};

// The host that a URL names, in lower case and without brackets; nullopt where it can never be fetched: another scheme
// than http and https, no URL, a user name in it.
std::optional<std::string> fetched_host(const std::string& url);

// The body of the answer 200, after at most 3 redirects. Every connection is checked by the address that is connected
// to, so that a name that leads elsewhere the next time gets nowhere. With a proxy, which resolves names itself,
// address literals alone are checked. Thread-safe. Errors: denied (scheme, an address that may not be connected to),
// invalid (no URL, too large, too many redirects, another status), unreachable, timed_out, cancelled.
std::string fetch(const std::string& url, const FetchRules& rules, std::stop_token stop = {});

}  // namespace everseal::net
