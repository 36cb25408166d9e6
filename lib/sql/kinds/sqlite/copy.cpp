#include "sql/kinds/sqlite/copy.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/memory_file.h"
#include "sql/kinds/sqlite/errors.h"
#include "sql/kinds/sqlite/immutable.h"
#include "sql/kinds/sqlite/statement.h"

#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
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

base::FileDescriptor database_in_memory(sqlite3* db, const std::string& file) {
  sqlite3_int64 size = 0;
  const base::Handle<unsigned char, sqlite3_free> image(sqlite3_serialize(db, "main", &size, 0));
  if (!image || size < 20) throw sqlite_error(db, SQLITE_IOERR_READ, "copy", file);
  // The image holds what is in the log, and is to be read without one: the file format's versions are 1 then
  // (sqlite.org/fileformat2.html, section 1.3.3).
  image.get()[18] = image.get()[19] = 1;
  return base::memory_file("database", base::BytesView(image.get(), static_cast<std::size_t>(size)));
}

}  // namespace everseal::sql
