#include "inventory/files.h"

#include "inventory/below.h"
#include "inventory/columns.h"
#include "inventory/rows.h"

namespace everseal::inventory {

void Files::put(std::span<const FileRecord> files) {
  store_.transaction([&] {
    for (const FileRecord& file : files) {
      sql::Query query(store_.database(),
                       "insert into file (path, stamp, reader, read, holds) values ($1, $2, $3, $4, $5) "
                       "on conflict (path) do update set stamp = $2, reader = $3, read = $4, holds = $5");
      query->bind(1, base::as_bytes(file.path)).bind(2, file.stamp).bind(3, std::int64_t{file.reader});
      query->bind(4, base::to_unix(file.read)).bind(5, base::BytesView(file.holds)).execute();
    }
  });
}

void Files::each_below(const std::string& root, int reader, const std::function<void(const Known&)>& row) {
  const auto [folder, behind] = below(root);
  sql::Query query(store_.database(),
                   "select path, stamp, holds = x'' from file where path >= $1 and path < $2 and reader = $3 "
                   "order by path");
  query->bind(1, base::as_bytes(root)).bind(2, base::as_bytes(behind)).bind(3, std::int64_t{reader});
  while (query->step()) {
    const std::string_view path = base::as_text(query->blob(0));
    if (path == root || path.starts_with(folder))
      row({.path = path, .stamp = query->text(1), .is_empty = flag_at(*query, 2)});
  }
}

std::optional<base::Bytes> Files::holds(const std::string& path) {
  sql::Query query(store_.database(), "select holds from file where path = $1");
  query->bind(1, base::as_bytes(path));
  return first_row(query, [](const sql::Statement& row) { return bytes_at(row, 0); });
}

void Files::forget(std::span<const std::string> paths) {
  store_.transaction([&] {
    for (const std::string& path : paths) {
      sql::Query query(store_.database(), "delete from file where path = $1");
      query->bind(1, base::as_bytes(path)).execute();
    }
  });
}

std::int64_t Files::prune(base::Time before, int limit) {
  sql::Query query(store_.database(),
                   "delete from file where path in (select path from file where read < $1 order by read limit $2)");
  return query->bind(1, base::to_unix(before)).bind(2, limit).execute();
}

}  // namespace everseal::inventory
