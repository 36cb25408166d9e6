#include "cancel.h"

#include "reconcile/request.h"
#include "reconcile/verbs/cancel.h"

namespace everseal::cli {

int run_cancel(const Context& context) {
  const base::Table said{{"names", base::list_value(context.arguments.all("NAME"))},
                         {"verb", base::text_value(std::string(context.command->words))}};
  const base::Options wanted = reconcile::validated(reconcile::cancel_verb, said);
  const reconcile::Host host = context.host();
  return show(context, reconcile::cancel_verb.run(host, wanted).verdict);
}

}  // namespace everseal::cli
