#include "sql/kinds/sqlite/copy.h"

#include "base/error.h"
#include "base/handle.h"
#include "sql/kinds/sqlite/errors.h"
#include "sql/kinds/sqlite/immutable.h"
#include "sql/kinds/sqlite/statement.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace everseal::sql {
namespace {

using base::Error;
using base::Fault;

void sync_directory_of(const std::string& path) {
  const std::string directory = directory_of(path);
  const base::FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw base::errno_error("write", directory);
}

}  // namespace

void copy_database(sqlite3* db, const std::string& file, const std::string& path) {
  base::FileDescriptor made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made) {
    if (errno == EEXIST)
      throw Error(Fault::exists, fmt::format("cannot copy the database to {}: it exists", path),
                  "name another file, or move that one away");
    throw base::errno_error("create", path);
  }
  try {
    // An existing empty file is as good as none to VACUUM INTO, so the copy is never readable by others.
    const Prepared vacuum = prepare_once(db, file, "vacuum into $1");
    sqlite3_bind_text64(vacuum.get(), 1, path.data(), path.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    const int code = sqlite3_step(vacuum.get());
    if (code != SQLITE_DONE) throw sqlite_error(db, code, fmt::format("copy to {} from", path), file);
    if (::fsync(made.get()) != 0) throw base::errno_error("write", path);
    sync_directory_of(path);
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
}

}  // namespace everseal::sql
