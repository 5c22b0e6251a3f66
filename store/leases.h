// Who is alive, what they use, and where they work.
//
// A lease is the lock on <root>/tmp/ID.lease; the kernel ends it with its process. Its lines are
// pins: objects that gc leaves alone. <root>/tmp/ID/ holds the owner's unfinished work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_lock.h"
#include "base/mutex.h"

namespace bld::store {

// The words of a lease file: "blob sha256:…", "layer sha256:…", "tree ID", "container ID".
std::string pin_of_blob(std::string_view digest);
std::string pin_of_layer(std::string_view diff_id);
std::string pin_of_tree(std::string_view tree_id);
std::string pin_of_container(std::string_view id);

class Lease {
 public:
  explicit Lease(const std::filesystem::path& root);
  // Removes directory and file. What was pinned is not looked at.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // On return no gc takes these objects away; whether they are there is to be seen after that.
  // False when all of them were pinned before.
  bool pin(std::span<const std::string> objects);

  bool pin(const std::string& object) { return pin(std::span(&object, 1)); }

  const std::string& id() const { return id_; }

  const std::filesystem::path& directory() const { return directory_; }

  std::string new_path();  // a free name in directory(), never given twice

 private:
  static base::FileLock make_locked(const std::filesystem::path& root, std::string& id);

  const std::filesystem::path root_;
  std::string id_;
  base::FileLock lock_;
  std::filesystem::path directory_;
  base::Mutex mutex_;
  std::set<std::string, std::less<>> pins_ GUARDED_BY(mutex_);
  bool line_is_cut_ GUARDED_BY(mutex_) = false;
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;
};

// gc.lock: shared while pins are written, exclusive while gc reads them and takes things away.
base::FileLock lock_for_gc(const std::filesystem::path& root);

// The pins of all leases but `except_id`. Call under lock_for_gc.
std::set<std::string, std::less<>> live_pins(const std::filesystem::path& root,
                                             std::string_view except_id = {});

// Removes the work of owners that are dead, and returns what they had pinned.
std::vector<std::string> remove_dead_leases(const std::filesystem::path& root);

}  // namespace bld::store
