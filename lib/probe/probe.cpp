#include "probe/probe.h"

#include "base/error.h"
#include "probe/round.h"

#include <fmt/format.h>

namespace everseal::probe {

void probe_all(const std::function<std::optional<Target>()>& next,
               const std::function<void(const Target&, Capture)>& done, const Limits& limits, const Scope& scope,
               std::stop_token stop) {
  Round(next, done, limits, scope, std::move(stop)).run();
}

Capture probe_one(const Target& target, const Limits& limits, const Scope& scope, std::stop_token stop) {
  std::optional<Target> left = target;
  std::optional<Capture> seen;
  Scope first = scope;
  first.addresses = Addresses::one;
  Limits one = limits;
  one.in_flight = 1;
  probe_all([&] { return std::exchange(left, std::nullopt); },
            [&](const Target&, Capture capture) { seen = std::move(capture); }, one, first, std::move(stop));
  if (!seen) throw base::Error(base::Fault::cancelled, fmt::format("stopped while looking at {}", target.text()));
  return std::move(*seen);
}

}  // namespace everseal::probe
