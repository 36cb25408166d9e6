// Addresses as server configs write them. For discover only.
#pragma once

#include "discover/server.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::discover {

// "443", "*:443", "[::]:443", "10.0.0.5:443", as somebody on this host connects; nullopt for what is no TCP port,
// or holds a variable.
std::optional<std::string> reached_at(std::string_view address);

// In their order, each once; one by IPv6 only where the port is not reached by IPv4.
std::vector<std::string> distinct(const std::vector<Listener>& all);

// Does a URL or address lead to this host, or nobody knows where (a variable, a socket)? "http://localhost:8080/",
// "127.0.0.1:80", "unix:/run/x.sock", "$backend".
bool stays_here(std::string_view peer);

// "http" of "HTTP://x/y", "" without a scheme; and what lies between it and the path.
std::string scheme_of(std::string_view url);
std::string_view authority_of(std::string_view url);

}  // namespace everseal::discover
