#include "discover/servers/address.h"

#include "base/number.h"
#include "base/text.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace everseal::discover {
namespace {

bool is_port(std::string_view text) { return base::parse_number<std::uint16_t>(text).value_or(0) != 0; }

}  // namespace

std::optional<std::string> reached_at(std::string_view address) {
  if (is_port(address)) return fmt::format("127.0.0.1:{}", address);
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || !is_port(address.substr(colon + 1))) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  for (const std::string_view any : {"", "*", "0.0.0.0", "_default_"})
    if (host == any) return fmt::format("127.0.0.1:{}", port);
  if (host == "[::]" || host == "::") return fmt::format("[::1]:{}", port);
  if (host.find_first_of("/$%{}") != std::string_view::npos || host.starts_with("unix")) return std::nullopt;
  return fmt::format("{}:{}", host, port);
}

std::vector<std::string> distinct(const std::vector<Listener>& all) {
  std::vector<std::string> addresses;
  for (const auto& [one, starttls, where] : all) {
    constexpr std::string_view kAnyV6 = "[::1]:";
    const bool is_v4_too = one.starts_with(kAnyV6) && std::ranges::find(all, "127.0.0.1:" + one.substr(kAnyV6.size()),
                                                                        &Listener::address) != all.end();
    if (!is_v4_too && std::ranges::find(addresses, one) == addresses.end()) addresses.push_back(one);
  }
  return addresses;
}

std::string scheme_of(std::string_view url) {
  const std::size_t end = url.find("://");
  return end == std::string_view::npos ? std::string() : base::lower(url.substr(0, end));
}

std::string_view authority_of(std::string_view url) {
  if (const std::size_t end = url.find("://"); end != std::string_view::npos) url.remove_prefix(end + 3);
  return url.substr(0, url.find_first_of("/?#|"));
}

bool stays_here(std::string_view peer) {
  std::string_view host = authority_of(peer);
  const std::string rest = base::lower(host);
  if (host.empty() || rest.starts_with("unix") || rest.starts_with("/") ||
      rest.find_first_of("$%@{") != std::string::npos)
    return true;
  std::string_view name = rest;
  if (name.starts_with('['))
    name = name.substr(1, name.find(']') - 1);
  else if (std::ranges::count(name, ':') <= 1)
    name = name.substr(0, name.find(':'));
  return name == "localhost" || name.starts_with("127.") || name == "::1" || name.ends_with(".localhost");
}

}  // namespace everseal::discover
