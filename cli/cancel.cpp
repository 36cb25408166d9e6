#include "cancel.h"

#include "base/error.h"
#include "reconcile/verbs/cancel.h"

namespace everseal::cli {

int run_cancel(const Context& context, const std::vector<base::Name>& names, inventory::IntentKind kind) {
  if (names.empty())
    throw base::Error(base::Fault::usage, "--cancel wants the name of a certificate",
                      "`everseal plan` shows what was asked for");
  reconcile::Verdict verdict;
  for (const base::Name& name : names) verdict.append(reconcile::cancel(context.host(), {name, kind}));
  return show(context, verdict);
}

}  // namespace everseal::cli
