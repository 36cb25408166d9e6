// What an audit is to look at: endpoints from words, files and the config.
#pragma once

#include "config/config.h"
#include "pki/name.h"
#include "probe/probe.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::scan {

// One endpoint, named once by whoever wants it looked at.
struct Wanted {
  probe::Target target;
  std::string name;                    // of the place: "www.example.org:443", "10.0.0.7:443 as www.example.org"
  std::vector<pki::Identifier> asked;  // names that its certificate must speak for; empty: any will do
  std::string environment;
  std::string team;
  std::vector<std::string> labels;  // "KEY=VALUE"
  std::string source;               // "config", "arguments", a file's path
  bool any_address = false;         // one place, whichever address answers
  // The managed certificate's deployment that is verified there.
  struct Deployed {
    base::Name certificate, deployment;
  };
  std::optional<Deployed> deployed{};
};

inline constexpr std::size_t kMostOfRange = 1024;  // addresses, where nobody allows it more
// As many addresses as a range can be allowed to have.
inline constexpr std::size_t kMostOfAnyRange = 1'000'000;

// In the place of a STARTTLS protocol: TLS at once.
inline constexpr std::string_view kNoStarttls = "none";

// What holds for targets that do not say it themselves.
struct Defaults {
  std::string environment;
  std::string team;
  std::vector<std::string> labels;
  std::string sni;
  std::string starttls;  // "" : as the port has it by custom; "none": TLS at once
  std::string source;
  bool any_address = false;
  const config::Settings* settings = nullptr;  // which declare environments and teams; null: any will do
};

// The endpoint that `target` is, with its defaults. Error(usage) for a protocol or a name that is none.
Wanted wanted(probe::Target target, const Defaults& defaults);

// HOST, HOST:PORT, [ADDRESS]:PORT, the same within https://.../, or a range ADDRESS/BITS, ADDRESS/BITS:PORT or
// [ADDRESS]/BITS:PORT, each address of which is one endpoint but for the network's own and the broadcast address of
// IPv4. Error(usage), also for more than `most` addresses.
std::vector<Wanted> parse_targets(std::string_view text, const Defaults& defaults, std::size_t most);

// A file of them: Prometheus' file_sd (JSON), CSV with a head line that names a column "target", or "host" and "port"
// (and "environment", "team", "sni", "starttls"; others become labels), /etc/hosts, or one a line with "#" comments.
// Error(config) that lists every line that is wrong, or says why it cannot be read.
std::vector<Wanted> read_targets(const std::string& path, const Defaults& defaults, std::size_t most);

// Of the config. Error(config) as read_targets has it, and for a proxy's login or a client's key that cannot be used;
// `left`: neither is opened, for who only wants to know what the targets are.
enum class Secrets { opened, left };
std::vector<Wanted> targets_of(const config::Endpoint& endpoint, const config::Settings& settings, Secrets secrets);
// All endpoints of the config, each that is wrong a problem of its table alone.
std::vector<Wanted> endpoints_of(const config::Settings& settings, Secrets secrets, base::Problems& problems);
// The one of that name, with what is secret of it opened: Error(config) where that cannot be used. nullopt where none
// has it, and where what may have it is wrong, which is among the problems.
std::optional<Wanted> endpoint_of(const config::Settings& settings, const std::string& name, base::Problems& problems);
// The listeners that the deployments of a certificate are verified at; each must serve its first DNS name, or the one
// that the config says.
std::vector<Wanted> targets_of(const config::Certificate& certificate);

}  // namespace everseal::scan
