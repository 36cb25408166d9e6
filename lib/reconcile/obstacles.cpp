#include "reconcile/obstacles.h"

#include "audit/names.h"
#include "audit/rule.h"
#include "inventory/findings.h"
#include "issuer/acme_ca.h"
#include "reconcile/desired.h"

#include <algorithm>

namespace everseal::reconcile {

Obstacles::Obstacles(inventory::Store& store, base::Time now) {
  inventory::Findings findings(store);
  for (const std::string_view rule : audit::renewal_rules())
    for (const inventory::PlacedFinding& open : findings.open_of(rule, now)) {
      if (open.place.kind != inventory::PlaceKind::name) continue;
      const std::string& name = open.place.name.raw();
      by_name_.emplace(name, Obstacle{.name = name,
                                      .rule = std::string(rule),
                                      .severity = open.finding.severity,
                                      .what = open.finding.what,
                                      .remedy = std::string(audit::find_rule(rule)->remedy),
                                      .seen = open.place.last_look});
    }
}

std::vector<Obstacle> Obstacles::of(const config::Certificate& wanted, const config::Settings& settings) const {
  const bool by_acme = std::ranges::any_of(wanted.issuers, [&](const base::Name& name) {
    const auto issuer = settings.issuers.find(name);
    return issuer != settings.issuers.end() && issuer->second.type == issuer::kAcme;
  });
  std::vector<Obstacle> found;
  if (!by_acme) return found;
  for (const pki::Identifier& identifier : wanted.identifiers) {
    if (identifier.kind() != pki::IdentifierKind::dns) continue;
    const auto [begin, end] = by_name_.equal_range(identifier.text());
    for (auto at = begin; at != end; ++at) found.push_back(at->second);
  }
  return found;
}

std::vector<Obstacle> obstacles_of(const Host& host, inventory::Store& store, const config::Certificate& wanted) {
  const Obstacles obstacles(store, host.clock());
  if (obstacles.empty()) return {};
  return obstacles.of(wanted, ConfigReading(host, store).settings(store));
}

}  // namespace everseal::reconcile
