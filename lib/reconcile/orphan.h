// A managed certificate that no config file which is read names any more.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"
#include "reconcile/desired.h"
#include "reconcile/host.h"

#include <optional>
#include <string>

namespace everseal::reconcile {

struct Orphan {
  std::string what;                 // printable: "is no longer in the config (...; it was in ...)"
  std::string remedy;               // what to do
  std::optional<std::string> file;  // that names it still, and is not read
  bool is_wrong = false;            // it stands in the config that is read, and is no use
};
// Which config is read, and whether the table of `managed` still stands where that does not look: in the file that it
// was in, or in the state's own conf.d; `untaken` says what is wrong in the present config.
Orphan orphan_of(const Host& host, inventory::Store& store, const inventory::ManagedRecord& managed,
                 const Untaken& untaken);

}  // namespace everseal::reconcile
