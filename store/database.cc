#include "store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/file_io.h"
#include "base/unique_fd.h"

namespace bld::store {

using base::Error;

namespace {

constexpr int kApplicationId = 0x626c6421;  // in the file's header, for file(1) and for us
constexpr int kVersion = 3;
constexpr int kOldestVersion = 1;
constexpr int kBusyTimeoutMs = 10 * 60 * 1000;
constexpr std::int64_t kWalToKeepBytes = 256 << 10;

int errno_of(sqlite3* handle, int code) {
  if ((code & 0xff) == SQLITE_FULL) return ENOSPC;
  if ((code & 0xff) == SQLITE_READONLY) return EROFS;
  if ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN) {
    return handle != nullptr ? sqlite3_system_errno(handle) : 0;
  }
  return 0;
}

[[noreturn]] void fail(sqlite3* handle, int code, const std::filesystem::path& path) {
  const std::string file = path.string();
  const int number = errno_of(handle, code);
  if ((code & 0xff) == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    throw Error("the store's database {} is damaged: {}", file, sqlite3_errstr(code))
        .hint("restore the file, or move the store away and begin a new one");
  }
  if (number != 0) throw Error::sys("writing the store's database", file, number);
  throw Error("the store's database {}: {}", file,
              handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
}

}  // namespace

struct Database::Connection {
  explicit Connection(std::filesystem::path path) : path_(std::move(path)) {}

  ~Connection() {
    for (const auto& [sql, statement] : cache_) sqlite3_finalize(statement);
    if (handle_ != nullptr) sqlite3_close(handle_);
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void open(const std::string& name, int flags) {
    const int code = sqlite3_open_v2(name.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) fail(handle_, code, path_);
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  }

  void close() {
    for (const auto& [sql, statement] : cache_) sqlite3_finalize(statement);
    cache_.clear();
    sqlite3_close(handle_);
    handle_ = nullptr;
  }

  void check(int code) {
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) fail(handle_, code, path_);
  }

  void execute(const char* sql) { check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr)); }

  std::int64_t pragma(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr));
    const int code = sqlite3_step(statement);
    const std::int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    check(code);
    return value;
  }

  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    return statement;
  }

  std::filesystem::path path_;
  sqlite3* handle_ = nullptr;
  // Statements that nobody uses now, by the address of their literal.
  std::unordered_map<const char*, sqlite3_stmt*> cache_;
  // A commit in WAL mode syncs only with synchronous=FULL.
  SessionKind kind_ = SessionKind::kDurableWrite;
  bool wrote_ = false;
};

namespace {

void check_version(std::int64_t application, std::int64_t version,
                   const std::filesystem::path& path) {
  if (application != kApplicationId) {
    throw Error("{} is not the database of a bld store, or it is damaged", path.string());
  }
  if (version > kVersion) {
    throw Error("the store {} was written by a newer bld (version {}; this one knows {})",
                path.parent_path().string(), version, kVersion);
  }
  if (version < kOldestVersion) {
    throw Error("the store's database {} has the unknown version {}", path.string(), version);
  }
}

std::string set_version() { return fmt::format("PRAGMA user_version={}", kVersion); }

bool is_empty_or_missing(const std::filesystem::path& path) {
  struct stat info {};

  return ::stat(path.c_str(), &info) != 0 || info.st_size == 0;
}

// A database on a read-only file system has no place for the shared memory of WAL. Nobody can be
// writing there either.
std::string immutable_uri(const std::filesystem::path& path) {
  std::string uri = "file:";
  for (const char c : path.string()) {
    if (c == '?' || c == '#' || c == '%') {
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

// Of a store that an older bld made. Somebody else may have been quicker.
void Database::upgrade(Connection& db) {
  db.execute("BEGIN IMMEDIATE");
  const std::int64_t version = db.pragma("PRAGMA user_version");
  if (version < 2) db.execute(kSchema2);
  if (version < 3) db.execute(kSchema3);
  if (version < kVersion) db.execute(set_version().c_str());
  db.execute("COMMIT");
}

Database::Database(std::filesystem::path path, Mode mode)
    : path_(std::move(path)), connection_(std::make_unique<Connection>(path_)) {
  struct stat info {};

  if (::stat(path_.c_str(), &info) != 0) throw Error::sys("stat", path_.string());
  if (info.st_size == 0) {
    throw Error("the store's database {} is damaged: it is empty", path_.string());
  }
  Connection& db = *connection_;
  std::int64_t application = 0;
  if (mode == Mode::kReadWrite) {
    db.open(path_.string(), SQLITE_OPEN_READWRITE);
    application = db.pragma("PRAGMA application_id");
  } else {
    try {
      db.open(path_.string(), SQLITE_OPEN_READONLY);
      application = db.pragma("PRAGMA application_id");
    } catch (const Error&) {
      if (!is_empty_or_missing(path_.string() + "-wal")) throw;
      db.close();
      db.open(immutable_uri(path_), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
      application = db.pragma("PRAGMA application_id");
    }
  }
  const std::int64_t version = db.pragma("PRAGMA user_version");
  check_version(application, version, path_);
  if (version < kVersion) {
    if (mode == Mode::kReadOnly) {
      throw Error(
          "the store {} was written by an older bld and cannot be read until it is writable",
          path_.parent_path().string());
    }
    upgrade(db);
  }
  db.execute("PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON");
  // The pages that a build of some hundred steps changes in one transaction (16 MiB at most): each
  // one that does not fit is written, read and written again.
  db.execute("PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY");
  // The next opener reads the log again; emptying it at each exit would cost two fsyncs a command.
  sqlite3_db_config(db.handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Database::~Database() {
  if (!connection_->wrote_) return;

  struct stat info {};

  const std::string wal = path_.string() + "-wal";
  if (::stat(wal.c_str(), &info) != 0 || info.st_size < kWalToKeepBytes) return;
  // Only while nobody else is at it; then it is theirs.
  sqlite3_busy_timeout(connection_->handle_, 0);
  sqlite3_wal_checkpoint_v2(connection_->handle_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                            nullptr);
}

void Database::create(const std::filesystem::path& path) {
  // SQLite gives the mode of the database to its companions; the umask must not add to it.
  base::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) throw Error::sys("creating", path.string());
  {
    Connection db(path);
    db.open(path.string(), SQLITE_OPEN_READWRITE);
    db.execute("PRAGMA journal_mode=WAL");
    db.execute("BEGIN");
    db.execute(kSchema);
    db.execute(kSchema2);
    db.execute(kSchema3);
    db.execute(fmt::format("PRAGMA application_id={}", kApplicationId).c_str());
    db.execute(set_version().c_str());
    db.execute("COMMIT");
  }
  base::sync_fd(file.get());
}

std::vector<std::string> Database::integrity_problems() {
  std::vector<std::string> problems;
  Session session(*this, SessionKind::kRead);
  Query rows = session.query("PRAGMA integrity_check(100)");
  while (rows.next()) {
    if (std::string line = rows.text(0); line != "ok") problems.push_back(std::move(line));
  }
  Query keys = session.query("PRAGMA foreign_key_check");
  while (keys.next()) {
    problems.push_back(
        fmt::format("a row of {} points to a missing row of {}", keys.text(0), keys.text(2)));
  }
  return problems;
}

Session::Session(Database& database, SessionKind kind) : database_(database) {
  database_.mutex_.lock();
  try {
    Database::Connection& db = *database_.connection_;
    if (kind == SessionKind::kRead) {
      db.execute("BEGIN");
    } else {
      if (kind != db.kind_) {
        db.execute(kind == SessionKind::kDurableWrite ? "PRAGMA synchronous=FULL"
                                                      : "PRAGMA synchronous=NORMAL");
        db.kind_ = kind;
      }
      db.execute("BEGIN IMMEDIATE");
      db.wrote_ = true;
    }
    open_ = true;
  } catch (...) {
    database_.mutex_.unlock();
    throw;
  }
}

Session::~Session() {
  // A failed statement may have rolled back already; then this one fails, and nothing is lost.
  if (open_) sqlite3_exec(database_.connection_->handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  database_.mutex_.unlock();
}

void Session::commit() {
  BLD_CHECK(open_);
  database_.connection_->execute("COMMIT");
  open_ = false;
}

Query Session::prepare(const char* sql) {
  BLD_CHECK(open_);
  Database::Connection& db = *database_.connection_;
  const auto cached = db.cache_.find(sql);
  if (cached == db.cache_.end()) return Query(database_, sql, db.prepare(sql));
  sqlite3_stmt* statement = cached->second;
  db.cache_.erase(cached);
  return Query(database_, sql, statement);
}

int Session::finish(Query query) {
  BLD_CHECK(!query.next());
  return sqlite3_changes(database_.connection_->handle_);
}

Query::Query(Database& database, const char* sql, sqlite3_stmt* statement)
    : database_(&database), sql_(sql), statement_(statement) {}

Query::Query(Query&& other) noexcept
    : database_(other.database_),
      sql_(other.sql_),
      statement_(std::exchange(other.statement_, nullptr)) {}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  if (!database_->connection_->cache_.emplace(sql_, statement_).second) {
    sqlite3_finalize(statement_);
  }
}

void Query::reset() { sqlite3_reset(statement_); }

bool Query::next() {
  const int code = sqlite3_step(statement_);
  database_->connection_->check(code);
  return code == SQLITE_ROW;
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Query::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string Query::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Query::bind(int index, std::nullptr_t) {
  database_->connection_->check(sqlite3_bind_null(statement_, index));
}

void Query::bind(int index, std::int64_t value) {
  database_->connection_->check(sqlite3_bind_int64(statement_, index, value));
}

void Query::bind(int index, std::string_view text) {
  // An empty view may have no address, which SQLite would take for NULL.
  database_->connection_->check(sqlite3_bind_text64(statement_, index,
                                                    text.data() != nullptr ? text.data() : "",
                                                    text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Query::bind(int index, base::Bytes bytes) {
  database_->connection_->check(
      sqlite3_bind_blob64(statement_, index, bytes.data(), bytes.size(), SQLITE_TRANSIENT));
}

bool is_disk_full(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  if (ours == nullptr) return false;
  const int number = ours->error_number();
  return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

}  // namespace bld::store
