#include "reconcile/verbs/backup.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/backup.h"
#include "reconcile/access.h"

#include <fmt/format.h>

namespace everseal::reconcile {

void backup(const Host& host, const std::string& file) {
  inventory::Store store = open_store(host, sql::Access::read_only);
  inventory::backup(store, file);
}

void keep_daily_copy(const Host& host, inventory::Store& store) {
  try {
    inventory::keep_daily_copy(store, host.clock());
  } catch (const base::Error& error) {
    host.progress({Progress::Kind::warning, "store", base::printable(error.message())});
  }
}

namespace {

constexpr base::Option kBackupFields[] = {
    {.name = "file", .type = base::OptionType::path, .summary = "the backup; must not exist yet", .required = true}};

Answer run_backup(const Host& host, const base::Options& request) {
  const std::string file = request.string("file");
  backup(host, file);
  return {{}, fmt::format("{{\"backup\": {}}}\n", base::json_string(file))};
}

}  // namespace

const Verb backup_verb{"backup", 1, Needs::store, "write a consistent copy of the database", kBackupFields, run_backup};

}  // namespace everseal::reconcile
