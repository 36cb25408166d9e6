#include "reconcile/named.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "reconcile/desired.h"
#include "reconcile/orphan.h"
#include "reconcile/session.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace everseal::reconcile {

void require_unsaid(const Host& host, inventory::Store& store, const base::Name& name) {
  const Untaken untaken = look_at_config(host, store);
  if (const auto found = untaken.unread.find(name); found != untaken.unread.end())
    throw base::Error(base::Fault::not_found,
                      fmt::format("{} stands in {}, and no run has read it yet", name,
                                  base::printable(to_string(found->second.origin))),
                      fmt::format("`everseal renew {}` does", name));
  const auto wrong = std::ranges::find(untaken.problems, subject_of(name), &base::Problem::subject);
  if (wrong != untaken.problems.end())
    throw base::Error(base::Fault::config, fmt::format("the table of {} is wrong: {}", name, without_hint(*wrong)),
                      wrong->hint.empty() ? "nothing is done for it until that is right" : wrong->hint);
  if (const auto* const file = untaken.unparsed.may_define("certificate", name.text()))
    throw base::Error(base::Fault::config,
                      fmt::format("no certificate named {} is managed; its table may stand in a file that is wrong: {}",
                                  name, without_hint(file->problem)),
                      file->problem.hint);
}

inventory::ManagedRecord require_managed(const Host& host, inventory::Store& store, const base::Name& name) {
  inventory::Managed managed(store);
  if (auto record = managed.find(name)) return *record;
  require_unsaid(host, store, name);
  if (inventory::Authorities(store).find(name))
    throw base::Error(base::Fault::not_found, fmt::format("{} is an authority, and no certificate", name),
                      fmt::format("`everseal ca crl {}` signs its CRL; `everseal plan` shows what is due", name));
  std::vector<std::string> names;
  for (const base::Name& known : managed.names()) names.push_back(known.text());
  const auto near = base::nearest(name.text(), names);
  throw base::Error(base::Fault::not_found, fmt::format("no certificate named {} is managed", name),
                    near ? fmt::format("did you mean {}?", *near) : "`everseal list --managed` shows the names");
}

void require_not_leaving(inventory::Store& store, const base::Name& name) {
  if (const auto removal = inventory::Intents(store).open_removal(name))
    throw base::Error(base::Fault::denied, fmt::format("{} is being removed: {}", name, asked_by(*removal)),
                      fmt::format("`everseal remove {} --cancel` withdraws that", name));
}

base::Error not_kept(const Host& host, inventory::Store& store, const inventory::ManagedRecord& orphan) {
  const Orphan how = orphan_of(host, store, orphan, look_at_config(host, store));
  return base::Error(base::Fault::denied, fmt::format("{} {}, so nothing is done for it", orphan.name, how.what),
                     how.remedy);
}

void require_kept(const Host& host, inventory::Store& store, const inventory::ManagedRecord& managed) {
  if (managed.orphaned) throw not_kept(host, store, managed);
}

}  // namespace everseal::reconcile
