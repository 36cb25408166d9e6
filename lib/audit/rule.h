// The rules that the audit holds places and certificates against.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace everseal::audit {

// notice: worth knowing. warning: to be put right, nobody is hurt yet. error: some clients fail or are not safe.
// critical: clients are refused, or will be within days.
enum class Severity : std::uint8_t { notice, warning, error, critical };
inline constexpr std::array kAllSeverities{Severity::notice, Severity::warning, Severity::error, Severity::critical};
std::string_view to_string(Severity severity) noexcept;
std::optional<Severity> parse_severity(std::string_view text) noexcept;

// failure: the place could not be looked at, so that little was judged.
enum class Nature : std::uint8_t { fault, failure };

// What makes two findings of a rule the same one: the place, or the certificate at the place.
enum class Identity : std::uint8_t { place, certificate };

// What has to be known for a rule to be told of. A look that did not ask for it neither opens nor closes a finding.
enum class Needs : std::uint8_t {
  look,        // what every look shows
  further,     // what further looks at the same address show
  deep,        // what a survey of all that a server takes shows
  key,         // a private key beside the certificate
  host,        // what the servers of this host are meant to do
  run,         // what all places of a run show
  revocation,  // what a CRL or a stapled response says of the certificate
  caa,         // the CAA records of a name
  clients,     // who shows the certificate to servers
};

struct Rule {
  std::string_view id;  // kebab-case; never given another meaning
  Severity severity;    // where neither the judge nor the operator says another
  std::string_view summary;
  std::string_view meaning;  // sentences
  std::string_view remedy;
  std::string_view source;
  Nature nature = Nature::fault;
  Identity identity = Identity::place;
  Needs needs = Needs::look;
};

// All of them, in the order in which they are judged.
std::span<const Rule* const> rules();
const Rule* find_rule(std::string_view id) noexcept;
// Error(usage) with the nearest one, or all there are.
const Rule& require_rule(const std::string& id);

}  // namespace everseal::audit
