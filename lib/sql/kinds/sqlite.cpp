// SQLite behind the database interface: the only file that knows sqlite3.h.
#include "base/error.h"
#include "base/handle.h"
#include "sql/database.h"

#include <cerrno>
#include <charconv>
#include <system_error>
#include <unordered_map>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::sql {
namespace {

using base::Error;
using base::Fault;

constexpr std::int64_t kApplicationId = 0x45765331;  // "EvS1", at offset 68 of the file
constexpr int kBusyMilliseconds = 5000;
constexpr std::size_t kMostParameters = 100;
// https://sqlite.org/fileformat.html, section 4.1
constexpr std::int64_t kLogHeader = 32;
constexpr std::int64_t kLogFrame = 24 + 4096;
constexpr int kPagesBeforeCheckpoint = 1000;                  // as SQLite itself has it
constexpr const char* kSynced = "pragma synchronous = full";  // each commit

constexpr std::string_view kWayOut =
    "`everseal restore FILE` brings back a backup; without one, `everseal doctor --rebuild` makes a new database from "
    "the archive; the damaged file is kept";

using Connection = base::Handle<sqlite3, sqlite3_close_v2>;
using Prepared = base::Handle<sqlite3_stmt, sqlite3_finalize>;

std::string reason_of(sqlite3* db, int code) {
  const int system = db == nullptr ? 0 : sqlite3_system_errno(db);
  const int primary = code & 0xff;
  if (system != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN))
    return std::generic_category().message(system);
  return db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
}

// An Error for what SQLite answered; `doing` is "read" or "write" or a longer phrase, `file` the database.
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

class SqliteStatement final : public Statement {
 public:
  SqliteStatement(sqlite3* db, const std::string& file, std::string_view sql) : db_(db), file_(file) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    statement_.reset(raw);
    if (code != SQLITE_OK) throw sqlite_error(db, code, "read", file);
    if (raw == nullptr) throw Error(Fault::internal, "an empty SQL statement");
    writes_ = sqlite3_stmt_readonly(raw) == 0;
    for (int at = 1; at <= sqlite3_bind_parameter_count(raw); ++at) note_parameter(at);
  }

  Statement& bind(int number, std::int64_t value) override {
    return check(sqlite3_bind_int64(statement_.get(), index(number), value));
  }
  Statement& bind(int number, std::string_view text) override {
    const char* data = text.data() == nullptr ? "" : text.data();
    return check(
        sqlite3_bind_text64(statement_.get(), index(number), data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  Statement& bind(int number, base::BytesView blob) override {
    const void* data = blob.data() == nullptr ? static_cast<const void*>("") : blob.data();
    return check(sqlite3_bind_blob64(statement_.get(), index(number), data, blob.size(), SQLITE_TRANSIENT));
  }
  Statement& bind_null(int number) override { return check(sqlite3_bind_null(statement_.get(), index(number))); }

  bool step() override {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
      sqlite3_reset(statement_.get());
      return false;
    }
    const Error error = sqlite_error(db_, code, writes_ ? "write" : "read", file_);
    sqlite3_reset(statement_.get());
    throw error;
  }
  bool is_null(int column) const override { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_.get(), column); }
  std::string_view text(int column) const override {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
  }
  base::BytesView blob(int column) const override {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
    return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
  }
  void reset() override { sqlite3_reset(statement_.get()); }

  std::int64_t execute() override {
    const std::int64_t before = sqlite3_total_changes64(db_);
    while (step()) {
    }
    return sqlite3_total_changes64(db_) == before ? 0 : sqlite3_changes64(db_);
  }

  void begin_use() {
    if (sqlite3_stmt_busy(statement_.get()) != 0)
      throw Error(Fault::internal, "an SQL statement is used while it stands on a row");
    sqlite3_clear_bindings(statement_.get());
  }

 private:
  // "$7", whichever place SQLite gave it
  void note_parameter(int at) {
    const char* name = sqlite3_bind_parameter_name(statement_.get(), at);
    const std::string_view text = name == nullptr ? "" : name;
    std::size_t number = 0;
    const auto digits = text.substr(text.starts_with('$') ? 1 : text.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (number == 0 || number > kMostParameters)
      throw Error(Fault::internal, "an SQL statement has a parameter that is not $1, $2, ...");
    if (indexes_.size() < number) indexes_.resize(number);
    indexes_[number - 1] = at;
  }
  int index(int number) const {
    const auto at = static_cast<std::size_t>(number) - 1;
    if (at >= indexes_.size() || indexes_[at] == 0)
      throw Error(Fault::internal, fmt::format("an SQL statement has no parameter ${}", number));
    return indexes_[at];
  }
  Statement& check(int code) {
    if (code != SQLITE_OK) throw sqlite_error(db_, code, "bind a value for", file_);
    return *this;
  }

  sqlite3* db_;
  const std::string& file_;
  Prepared statement_;
  std::vector<int> indexes_;  // of $1, $2, ...; 0 where the statement has none of that name
  bool writes_ = false;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::string file, Access access) : file_(std::move(file)), access_(access) {
    connect(access == Access::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, file_);
    try {
      settle();
    } catch (const Error&) {
      if (!connect_immutable()) throw;
      settle();
    }
  }

  Statement& prepare(std::string_view sql) override {
    auto found = statements_.find(sql);
    if (found == statements_.end())
      found = statements_.emplace(std::string(sql), std::make_unique<SqliteStatement>(db_.get(), file_, sql)).first;
    found->second->begin_use();
    return *found->second;
  }

  void execute(std::string_view script) override {
    run(std::string(script).c_str(), access_ == Access::read_write ? "write" : "read");
  }

  bool has_table(std::string_view name) override {
    return number("select count(*) from sqlite_schema where type = 'table' and name = $1", name) > 0;
  }

  void transaction(const std::function<void()>& work, Durability durability) override {
    if (reading_) throw Error(Fault::internal, "a snapshot is for reading only");
    if (depth_ > 0) return nested(work);
    if (durability == Durability::on_return) return outermost(work);
    // Without a sync of the log; the next one syncs all of it.
    run("pragma synchronous = normal", "write");
    try {
      outermost(work);
    } catch (...) {
      run(kSynced, "write");
      throw;
    }
    run(kSynced, "write");
  }

  void snapshot(const std::function<void()>& work) override {
    if (depth_ > 0 || reading_) return work();
    reading_ = true;
    try {
      execute("begin");
      work();
    } catch (...) {
      reading_ = false;
      roll_back();
      throw;
    }
    reading_ = false;
    roll_back();
  }

  void hold_room(std::int64_t octets) override {
    const std::string name = file_ + "-wal";  // which SQLite does not lock, so that closing it drops no lock
    const base::FileDescriptor log(::open(name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!log) throw base::errno_error("open", name);
    const std::int64_t wanted = log_octets_ + octets;
    const auto size = [&] {
      struct stat found {};
      if (::fstat(log.get(), &found) != 0) throw base::errno_error("read", name);
      return found.st_size;
    };
    if (size() >= wanted) return;
    // Nobody else writes meanwhile: where the file system cannot allocate, libc writes instead. SQLite takes no notice
    // of what follows the last frame.
    transaction(
        [&] {
          const std::int64_t end = size();
          if (end >= wanted) return;
          int code = EINTR;
          while (code == EINTR) code = ::posix_fallocate(log.get(), end, wanted - end);
          if (code == ENOSPC || code == EDQUOT) throw sqlite_error(nullptr, SQLITE_FULL, "write", file_);
          errno = code;
          if (code != 0) throw base::errno_error("write", name);
        },
        Durability::with_next);
  }

  void copy_to(const std::string& path) override {
    base::FileDescriptor made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made) {
      if (errno == EEXIST)
        throw Error(Fault::exists, fmt::format("cannot copy the database to {}: it exists", path),
                    "name another file, or move that one away");
      throw base::errno_error("create", path);
    }
    try {
      // An existing empty file is as good as none to VACUUM INTO, so the copy is never readable by others.
      Prepared vacuum = prepare_once("vacuum into $1");
      sqlite3_bind_text64(vacuum.get(), 1, path.data(), path.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      const int code = sqlite3_step(vacuum.get());
      if (code != SQLITE_DONE) throw sqlite_error(db_.get(), code, fmt::format("copy to {} from", path), file_);
      if (::fsync(made.get()) != 0) throw base::errno_error("write", path);
      sync_directory_of(path);
    } catch (...) {
      ::unlink(path.c_str());
      throw;
    }
  }

  void check_integrity() override {
    std::string found;
    read_rows("pragma integrity_check(3)", [&](sqlite3_stmt* row) { found += column_text(row, 0) + "; "; });
    if (found != "ok; ") throw damaged(found);
    found.clear();
    read_rows("pragma foreign_key_check", [&](sqlite3_stmt* row) {
      if (found.size() < 200)
        found += fmt::format("a row of {} refers to a row of {} that is missing; ", column_text(row, 0),
                             column_text(row, 2));
    });
    if (!found.empty()) throw damaged(found);
  }

 private:
  void connect(int flags, const std::string& name) {
    statements_.clear();
    // SQLite gives the files that it makes beside a read-only database the same mode, and they would stay in the way.
    if (access_ == Access::read_write && ::faccessat(AT_FDCWD, file_.c_str(), W_OK, AT_EACCESS) != 0 && errno != ENOENT)
      throw sqlite_error(nullptr, SQLITE_READONLY, "write", file_);
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    db_.reset(raw);
    if (code != SQLITE_OK) throw sqlite_error(raw, code, "open", file_);
    sqlite3_extended_result_codes(raw, 1);
    sqlite3_busy_timeout(raw, kBusyMilliseconds);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  }

  // The first look at the file, before anything could be written: is it a database, and ours?
  void settle() {
    run("pragma cell_size_check = on; pragma cache_size = -32000; pragma temp_store = memory", "read");
    const std::int64_t application = number("select application_id from pragma_application_id");
    const bool empty = application == 0 && number("select count(*) from sqlite_schema") == 0;
    if (application != kApplicationId && !empty)
      throw Error(Fault::invalid, fmt::format("{} is a database of another program", file_),
                  "point --state to another directory; that file is left as it is");
    if (access_ == Access::read_only) return;
    if (sqlite3_db_readonly(db_.get(), "main") != 0) throw sqlite_error(nullptr, SQLITE_READONLY, "write", file_);
    execute("pragma journal_mode = wal");
    run(kSynced, "write");
    // In place of SQLite's own hook.
    sqlite3_wal_hook(db_.get(), on_commit, this);
    if (empty) execute(fmt::format("pragma application_id = {}", kApplicationId));
  }

  // A database that was closed cleanly on a medium that cannot be written needs no log and no locks. True where it was
  // opened.
  bool connect_immutable() {
    if (access_ != Access::read_only || ::access(directory_of(file_).c_str(), W_OK) == 0) return false;
    struct stat log {};
    const bool has_log = ::stat((file_ + "-wal").c_str(), &log) == 0 ? log.st_size > 0 : errno != ENOENT;
    if (has_log) return false;
    connect(SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, "file:" + escaped(file_) + "?immutable=1");
    return true;
  }

  static int on_commit(void* database, sqlite3* db, const char*, int pages) {
    static_cast<SqliteDatabase*>(database)->log_octets_ = kLogHeader + pages * kLogFrame;
    if (pages >= kPagesBeforeCheckpoint)
      sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    return SQLITE_OK;
  }

  void run(const char* script, std::string_view doing) {
    const int code = sqlite3_exec(db_.get(), script, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) throw sqlite_error(db_.get(), code, doing, file_);
  }

  void outermost(const std::function<void()>& work) {
    run("begin immediate", "write");
    depth_ = 1;
    try {
      work();
      run("commit", "write");
    } catch (...) {
      depth_ = 0;
      roll_back();
      throw;
    }
    depth_ = 0;
  }

  void nested(const std::function<void()>& work) {
    prepare("savepoint nested").execute();
    ++depth_;
    try {
      work();
    } catch (...) {
      --depth_;
      // A full disk or an I/O error has ended the whole transaction already.
      if (sqlite3_get_autocommit(db_.get()) == 0) run("rollback to nested; release nested", "write");
      throw;
    }
    --depth_;
    prepare("release nested").execute();
  }

  void roll_back() noexcept {
    if (sqlite3_get_autocommit(db_.get()) == 0) sqlite3_exec(db_.get(), "rollback", nullptr, nullptr, nullptr);
  }

  Prepared prepare_once(const char* sql) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr);
    Prepared statement(raw);
    if (code != SQLITE_OK) throw sqlite_error(db_.get(), code, "read", file_);
    return statement;
  }

  template <class Row>
  void read_rows(const char* sql, Row row) {
    const Prepared statement = prepare_once(sql);
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) row(statement.get());
    if (code != SQLITE_DONE) throw sqlite_error(db_.get(), code, "read", file_);
  }

  static std::string column_text(sqlite3_stmt* row, int column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
    return text == nullptr ? "" : text;
  }

  std::int64_t number(const char* sql, std::optional<std::string_view> parameter = std::nullopt) {
    const Prepared statement = prepare_once(sql);
    if (parameter)
      sqlite3_bind_text64(statement.get(), 1, parameter->data(), parameter->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    const int code = sqlite3_step(statement.get());
    if (code != SQLITE_ROW) throw sqlite_error(db_.get(), code, "read", file_);
    return sqlite3_column_int64(statement.get(), 0);
  }

  Error damaged(std::string_view found) const {
    return Error(Fault::corrupt, fmt::format("{} is damaged: {}", file_, found.substr(0, found.size() - 2)),
                 std::string(kWayOut));
  }

  static std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  static void sync_directory_of(const std::string& path) {
    const std::string directory = directory_of(path);
    const base::FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) throw base::errno_error("write", directory);
  }

  // A path inside a file: URI.
  static std::string escaped(const std::string& path) {
    std::string uri;
    for (const char c : path) {
      if (c == '?' || c == '#' || c == '%')
        uri += fmt::format("%{:02x}", c);
      else
        uri += c;
    }
    return uri;
  }

  std::string file_;
  Access access_;
  Connection db_;
  std::unordered_map<std::string, std::unique_ptr<SqliteStatement>, TextHash, std::equal_to<>> statements_;
  std::int64_t log_octets_ = 0;  // to the end of the last commit of this connection
  int depth_ = 0;
  bool reading_ = false;
};

}  // namespace

std::unique_ptr<Database> open(const std::string& file, Access access) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error(Fault::not_found, fmt::format("there is no database {}", file));
    throw base::errno_error("open", file);
  }
  if (!S_ISREG(found.st_mode)) throw Error(Fault::invalid, fmt::format("{} is not a file", file));
  return std::make_unique<SqliteDatabase>(file, access);
}

std::unique_ptr<Database> create(const std::string& file) {
  // SQLite gives the log and its index the mode of the database.
  base::FileDescriptor made(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) {
    if (errno == EEXIST) throw Error(Fault::exists, fmt::format("the database {} exists", file));
    throw base::errno_error("create", file);
  }
  made.reset();  // closing it later would drop SQLite's POSIX locks
  return std::make_unique<SqliteDatabase>(file, Access::read_write);
}

}  // namespace everseal::sql
