#include "inventory/config_files.h"

#include "inventory/columns.h"
#include "inventory/rows.h"

namespace everseal::inventory {

std::map<std::string, ConfigFileRecord> ConfigFiles::all() {
  std::map<std::string, ConfigFileRecord> files;
  if (!store_.database().has_table("config_file")) return files;
  sql::Query query(store_.database(), "select path, digest, settings from config_file order by path");
  while (query->step())
    files.emplace_hint(files.end(), text_at(*query, 0), ConfigFileRecord{text_at(*query, 1), text_at(*query, 2)});
  return files;
}

void ConfigFiles::put(const std::string& path, const ConfigFileRecord& record) {
  sql::Query query(store_.database(),
                   "insert into config_file (path, digest, settings) values ($1, $2, $3) "
                   "on conflict (path) do update set digest = $2, settings = $3");
  query->bind(1, path).bind(2, record.digest).bind(3, record.settings).execute();
}

void ConfigFiles::remove(const std::string& path) {
  sql::Query query(store_.database(), "delete from config_file where path = $1");
  query->bind(1, path).execute();
}

}  // namespace everseal::inventory
