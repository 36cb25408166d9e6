#include "reconcile/verbs/ca_import.h"

#include "reconcile/reconcile.h"

#include <utility>

namespace everseal::reconcile {

authority::Founded ca_import(const Host& host, CaImportRequest request) {
  inventory::Store store = inventory::Store::create(host.state, host.clock());
  const auto lock = lock_reconciler(host);
  if (!request.key) return authority::import_intermediate(store, request.name, std::move(request.chain), host.clock());
  return authority::import_authority(store, request.name, std::move(request.chain), *request.key, request.passphrase,
                                     host.clock());
}

}  // namespace everseal::reconcile
