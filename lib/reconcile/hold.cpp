#include "reconcile/hold.h"

#include "inventory/events.h"
#include "inventory/managed.h"
#include "reconcile/session.h"

#include <fmt/format.h>

namespace everseal::reconcile {

std::optional<int> end_hold(inventory::Store& store, const Name& name, Time now) {
  inventory::Managed managed(store);
  const auto record = managed.find(name);
  if (!record || !record->pinned) return std::nullopt;
  managed.set_pinned(name, std::nullopt);
  inventory::Events(store).add("certificate.unpinned", subject_of(name),
                               Detail{{"version", std::to_string(*record->pinned)}}, now);
  return record->pinned;
}

std::string trying_again(inventory::Store& store, const Name& name) {
  const auto record = inventory::Managed(store).find(name);
  return fmt::format("everseal {} {}", record && record->pinned ? "renew" : "deploy", name);
}

std::string describe_hold(int version) {
  return fmt::format("the hold on version {}, which a rollback asked for", version);
}

}  // namespace everseal::reconcile
