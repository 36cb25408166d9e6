#include "reconcile/verbs/backup.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/backup.h"

namespace everseal::reconcile {

void backup(const Host& host, const std::string& file) {
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, host.clock());
  inventory::backup(store, file);
}

void keep_daily_copy(const Host& host, inventory::Store& store) {
  try {
    inventory::keep_daily_copy(store, host.clock());
  } catch (const base::Error& error) {
    host.progress({Progress::Kind::warning, "store", base::printable(error.message())});
  }
}

}  // namespace everseal::reconcile
