// SQLite behind the database interface.
#include "base/error.h"
#include "base/handle.h"
#include "sql/database.h"
#include "sql/kinds/sqlite/copy.h"
#include "sql/kinds/sqlite/errors.h"
#include "sql/kinds/sqlite/immutable.h"
#include "sql/kinds/sqlite/statement.h"

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
// https://sqlite.org/fileformat.html, section 4.1
constexpr std::int64_t kLogHeader = 32;
constexpr std::int64_t kLogFrame = 24 + 4096;
constexpr int kPagesBeforeCheckpoint = 1000;                  // as SQLite itself has it
constexpr const char* kSynced = "pragma synchronous = full";  // each commit

using Connection = base::Handle<sqlite3, sqlite3_close_v2>;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::string file, Access access, int cache_kib)
      : file_(std::move(file)), access_(access), cache_kib_(cache_kib) {
    connect(access == Access::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, file_);
    try {
      prepare_connection();
    } catch (const Error&) {
      if (access != Access::read_only) throw;
      if (const auto uri = immutable_uri(file_)) {
        connect(SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, *uri);
        prepare_connection();
      } else if (lacks_room()) {
        open_alone();
      } else {
        throw;
      }
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

  void change_schema(const std::function<void()>& work) override {
    if (depth_ > 0 || reading_) throw Error(Fault::internal, "a schema is changed in a transaction of its own");
    // Inside a transaction this would do nothing.
    run("pragma foreign_keys = off", "write");
    try {
      outermost([&] {
        work();
        check_foreign_keys();
      });
    } catch (...) {
      run("pragma foreign_keys = on", "write");
      throw;
    }
    run("pragma foreign_keys = on", "write");
  }

  void watch_schema(std::function<void()> changed) override {
    schema_ = schema_cookie();
    on_schema_change_ = std::move(changed);
  }

  void snapshot(const std::function<void()>& work) override {
    if (depth_ > 0 || reading_) return work();
    reading_ = true;
    try {
      execute("begin");
      notice_schema_change();
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
        Durability::deferred);
  }

  void copy_to(const std::string& path) override { copy_database(db_.get(), file_, path); }
  base::FileDescriptor copy_in_memory() override { return database_in_memory(db_.get(), file_); }

  void check_integrity() override {
    std::string found;
    read_rows("pragma integrity_check(3)", [&](sqlite3_stmt* row) { found += column_text(row, 0) + "; "; });
    if (found != "ok; ") throw damaged(file_, without_end(found));
    check_foreign_keys();
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
    // Closing what turns out to be no database would write its log back, or remove it.
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }

  // Could the index of the log not be made on a full disk? Where another process has it there is room in it.
  bool lacks_room() const {
    const int code = sqlite3_system_errno(db_.get());
    return code == ENOSPC || code == EDQUOT;
  }

  // With the index of the log in memory, which SQLite does for who keeps all others out meanwhile; nothing is written.
  void open_alone() {
    connect(SQLITE_OPEN_READWRITE, file_);  // a lock that keeps others out needs it
    run("pragma locking_mode = exclusive; pragma query_only = on", "read");
    prepare_connection();
    sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }

  // The first look at the file, before anything could be written: is it a database, and ours?
  void prepare_connection() {
    run(fmt::format("pragma cell_size_check = on; pragma cache_size = -{}; pragma temp_store = memory", cache_kib_)
            .c_str(),
        "read");
    const std::int64_t application = number("select application_id from pragma_application_id");
    const bool empty = application == 0 && number("select count(*) from sqlite_schema") == 0;
    if (application != kApplicationId && !empty)
      throw Error(Fault::invalid, fmt::format("{} is a database of another program", file_),
                  "point --state to another directory; that file is left as it is");
    sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    if (access_ == Access::read_only) return;
    if (sqlite3_db_readonly(db_.get(), "main") != 0) throw sqlite_error(nullptr, SQLITE_READONLY, "write", file_);
    require_write_ahead_log();
    run(kSynced, "write");
    // In place of SQLite's own hook.
    sqlite3_wal_hook(db_.get(), on_commit, this);
    if (empty) execute(fmt::format("pragma application_id = {}", kApplicationId));
  }

  // SQLite keeps another mode without a word where the file system has no shared memory to give.
  void require_write_ahead_log() {
    std::string mode;
    read_rows("pragma journal_mode = wal", [&](sqlite3_stmt* row) { mode = column_text(row, 0); });
    if (mode == "wal") return;
    throw Error(Fault::io, fmt::format("{} cannot have a write-ahead log: its journal stays in mode '{}'", file_, mode),
                "that file system has no shared memory for several processes; keep the state on a local disk");
  }

  void check_foreign_keys() {
    std::string found;
    read_rows("pragma foreign_key_check", [&](sqlite3_stmt* row) {
      if (found.size() < 200)
        found += fmt::format("a row of {} refers to a row of {} that is missing; ", column_text(row, 0),
                             column_text(row, 2));
    });
    if (!found.empty()) throw damaged(file_, without_end(found));
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
      notice_schema_change();
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

  // SQLite counts changes of the schema in the file's header.
  std::int64_t schema_cookie() {
    SqliteStatement& statement = static_cast<SqliteStatement&>(prepare("pragma schema_version"));
    statement.step();
    const std::int64_t cookie = statement.integer(0);
    statement.reset();
    return cookie;
  }

  void notice_schema_change() {
    if (!on_schema_change_) return;
    const std::int64_t cookie = schema_cookie();
    if (cookie == schema_) return;
    on_schema_change_();
    schema_ = cookie;
  }

  void roll_back() noexcept {
    if (sqlite3_get_autocommit(db_.get()) == 0) sqlite3_exec(db_.get(), "rollback", nullptr, nullptr, nullptr);
  }

  template <class Row>
  void read_rows(const char* sql, Row row) {
    const Prepared statement = prepare_once(db_.get(), file_, sql);
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) row(statement.get());
    if (code != SQLITE_DONE) throw sqlite_error(db_.get(), code, "read", file_);
  }

  static std::string column_text(sqlite3_stmt* row, int column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
    return text == nullptr ? "" : text;
  }

  std::int64_t number(const char* sql, std::optional<std::string_view> parameter = std::nullopt) {
    const Prepared statement = prepare_once(db_.get(), file_, sql);
    if (parameter)
      sqlite3_bind_text64(statement.get(), 1, parameter->data(), parameter->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    const int code = sqlite3_step(statement.get());
    if (code != SQLITE_ROW) throw sqlite_error(db_.get(), code, "read", file_);
    return sqlite3_column_int64(statement.get(), 0);
  }

  static std::string_view without_end(std::string_view list) { return list.substr(0, list.size() - 2); }

  std::string file_;
  Access access_;
  int cache_kib_;
  Connection db_;
  std::unordered_map<std::string, std::unique_ptr<SqliteStatement>, TextHash, std::equal_to<>> statements_;
  std::int64_t log_octets_ = 0;  // to the end of the last commit of this connection
  std::function<void()> on_schema_change_;
  std::int64_t schema_ = 0;  // the cookie when that was set or last called
  int depth_ = 0;
  bool reading_ = false;
};

}  // namespace

std::unique_ptr<Database> open(const std::string& file, Access access, int cache_kib) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error(Fault::not_found, fmt::format("there is no database {}", file));
    throw base::errno_error("open", file);
  }
  if (!S_ISREG(found.st_mode)) throw Error(Fault::invalid, fmt::format("{} is not a file", file));
  return std::make_unique<SqliteDatabase>(file, access, cache_kib);
}

std::unique_ptr<Database> create(const std::string& file) {
  // SQLite gives the log and its index the mode of the database.
  base::FileDescriptor made(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) {
    if (errno == EEXIST) throw Error(Fault::exists, fmt::format("the database {} exists", file));
    throw base::errno_error("create", file);
  }
  made.reset();  // closing it later would drop SQLite's POSIX locks
  return std::make_unique<SqliteDatabase>(file, Access::read_write, kSmallCache);
}

}  // namespace everseal::sql
