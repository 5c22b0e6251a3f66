// Typed statements over one SQLite connection. The only file that knows SQLite is database.cc.
//
// All access goes through a Session: a transaction that holds the connection, so that threads take
// turns. A session waits for those of other processes (minutes); never open two in one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/byte_stream.h"
#include "base/mutex.h"

struct sqlite3;
struct sqlite3_stmt;

namespace bld::store {

extern const char* const kSchema;   // the text of schema.sql: version 1
extern const char* const kSchema2;  // what version 2 adds
extern const char* const kSchema3;  // what version 3 adds

class Database;

// One run of a prepared statement: bound, stepped through, and handed back when it dies.
class Query {
 public:
  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  ~Query();

  // To the next row; false at the end.
  bool next();

  // Starts over with other arguments.
  template <typename... Args>
  void again(const Args&... args) {
    reset();
    int index = 0;
    (bind_any(++index, args), ...);
  }

  bool is_null(int column) const;
  std::int64_t integer(int column) const;

  std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }

  std::string text(int column) const;
  std::string bytes(int column) const;

 private:
  friend class Session;
  Query(Database& database, const char* sql, sqlite3_stmt* statement);

  void reset();
  void bind(int index, std::nullptr_t);
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view text);
  void bind(int index, base::Bytes bytes);

  template <typename T>
  void bind_any(int index, const T& value) {
    if constexpr (std::is_integral_v<T>) {
      bind(index, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_same_v<T, std::optional<std::string>>) {
      value ? bind(index, std::string_view(*value)) : bind(index, nullptr);
    } else if constexpr (std::is_convertible_v<T, std::string_view>) {
      bind(index, std::string_view(value));
    } else {
      bind(index, value);
    }
  }

  Database* database_;
  const char* sql_;
  sqlite3_stmt* statement_;
};

enum class SessionKind {
  kRead,
  kWrite,         // survives a crash of bld; the last ones may be lost with the power
  kDurableWrite,  // also survives the loss of power
};

// A transaction on the database, rolled back unless committed.
class Session {
 public:
  Session(Database& database, SessionKind kind) NO_THREAD_SAFETY_ANALYSIS;
  ~Session() NO_THREAD_SAFETY_ANALYSIS;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // `sql` is a string literal: its address is the key of the cache of prepared statements.
  template <typename... Args>
  Query query(const char* sql, const Args&... args) {
    Query result = prepare(sql);
    int index = 0;
    (result.bind_any(++index, args), ...);
    return result;
  }

  // Runs a statement that gives no rows; returns the number of rows it changed.
  template <typename... Args>
  int run(const char* sql, const Args&... args) {
    return finish(query(sql, args...));
  }

  void commit();

 private:
  Query prepare(const char* sql);
  int finish(Query query);

  Database& database_;
  bool open_ = false;
};

class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };

  // Of an existing file. Not a database, damaged, or of another version: an Error that says so.
  Database(std::filesystem::path path, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Writes a new, empty database with our tables, complete and on disk. The file must not exist.
  static void create(const std::filesystem::path& path);

  // SQLite's own check of the file's structure; one line for each problem, none when it is sound.
  std::vector<std::string> integrity_problems();

 private:
  friend class Session;
  friend class Query;
  struct Connection;

  static void upgrade(Connection& db);

  std::filesystem::path path_;
  std::unique_ptr<Connection> connection_;
  base::Mutex mutex_;  // held by the open session
};

// True for the failures that a full disk or quota causes, of SQLite's or of our own calls.
bool is_disk_full(const std::exception& error);

}  // namespace bld::store
