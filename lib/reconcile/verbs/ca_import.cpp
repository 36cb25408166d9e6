#include "reconcile/verbs/ca_import.h"

#include "reconcile/reconcile.h"

#include <utility>

namespace everseal::reconcile {

authority::Founded ca_import(const Host& host, CaImportRequest request) {
  inventory::Store store = create_store(host);
  const auto lock = lock_reconciler(host);
  host.keys->drop(request.name);
  authority::Founded founded =
      request.key ? authority::import_authority(store, request.name, std::move(request.chain), *request.key,
                                                request.passphrase, host.clock())
                  : authority::import_intermediate(store, request.name, std::move(request.chain), host.clock());
  tell_heads(host, store);
  return founded;
}

namespace {

constexpr base::Option kCaImportFields[] = {{.name = "name", .summary = "the authority's name", .required = true}};

}  // namespace

const Verb ca_import_verb{
    "ca import", 1, Needs::lease, "bring in an intermediate signed elsewhere, or a whole CA", kCaImportFields, nullptr};

}  // namespace everseal::reconcile
