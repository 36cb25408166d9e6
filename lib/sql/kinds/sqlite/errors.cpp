#include "sql/kinds/sqlite/errors.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <sqlite3.h>

namespace everseal::sql {
namespace {

using base::Error;
using base::Fault;

constexpr std::string_view kWayOut =
    "`everseal restore FILE` brings back a backup; without one, `everseal doctor --rebuild` makes a new database from "
    "the archive; the damaged file is kept";

std::string reason_of(sqlite3* db, int code) {
  const int system = db == nullptr ? 0 : sqlite3_system_errno(db);
  const int primary = code & 0xff;
  if (system != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN))
    return std::generic_category().message(system);
  return db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
}

}  // namespace

Error sqlite_error(sqlite3* db, int code, std::string_view doing, const std::string& file) {
  const std::string why = reason_of(db, code);
  const auto error = [&](Fault fault, std::string_view hint) {
    return Error(fault, fmt::format("cannot {} {}: {}", doing, file, why), std::string(hint));
  };
  const int system = db == nullptr ? 0 : sqlite3_system_errno(db);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return error(Fault::io, "free some space on that file system, then run the same command again");
    case SQLITE_READONLY:
      if (code == SQLITE_READONLY_DBMOVED)
        return error(Fault::io, "the file was moved or replaced while it was in use; run the same command again");
      if (code == SQLITE_READONLY_CANTINIT || code == SQLITE_READONLY_RECOVERY)
        return error(Fault::io,
                     "its write-ahead log must be replayed first: make the directory writable and run any command that "
                     "writes, or copy the directory to a writable place");
      return error(Fault::io, "make the file, its directory and its file system writable");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return error(Fault::io, "check who owns the file and its directory, their modes and the mount options");
    case SQLITE_IOERR:
      if (system == ENOSPC || system == EDQUOT)
        return error(Fault::io, "free some space on that file system, then run the same command again");
      return error(Fault::io, "check the disk and the kernel's log; nothing was committed");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return error(Fault::corrupt, kWayOut);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return error(Fault::busy, "another process is writing; run the same command again");
    case SQLITE_PROTOCOL:
      return error(Fault::io, "the locks of that file system do not work; use a local disk");
    case SQLITE_CONSTRAINT:
      if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID ||
          code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return error(Fault::exists, {});
      return error(Fault::internal, {});
    default:
      return error(Fault::internal, {});
  }
}

Error damaged(const std::string& file, std::string_view found) {
  return Error(Fault::corrupt, fmt::format("{} is damaged: {}", file, found), std::string(kWayOut));
}

}  // namespace everseal::sql
