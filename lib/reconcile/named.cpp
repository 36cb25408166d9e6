#include "reconcile/named.h"

#include "base/error.h"
#include "base/text.h"

#include <string>
#include <vector>

#include <fmt/format.h>

namespace everseal::reconcile {

inventory::ManagedRecord require_managed(inventory::Store& store, const base::Name& name) {
  inventory::Managed managed(store);
  if (auto record = managed.find(name)) return *record;
  std::vector<std::string> names;
  for (const base::Name& known : managed.names()) names.push_back(known.text());
  const auto near = base::nearest(name.text(), names);
  throw base::Error(base::Fault::not_found, fmt::format("no certificate named {} is managed", name),
                    near ? fmt::format("did you mean {}?", *near) : "`everseal list --managed` shows the names");
}

void require_not_leaving(inventory::Store& store, const base::Name& name) {
  for (const inventory::IntentRecord& intent : inventory::Intents(store).open_for(name))
    if (intent.kind == inventory::IntentKind::remove)
      throw base::Error(base::Fault::denied, fmt::format("{} is being removed: {}", name, asked_by(intent)),
                        fmt::format("`everseal remove {} --cancel` withdraws that", name));
}

void require_kept(const inventory::ManagedRecord& managed) {
  if (managed.orphaned)
    throw base::Error(base::Fault::denied,
                      fmt::format("{} is no longer in the config, so nothing is done for it", managed.name),
                      fmt::format("bring its table back, or `everseal remove {}`", managed.name));
}

}  // namespace everseal::reconcile
