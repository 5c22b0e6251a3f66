// What the source files of the store share. Private to this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "store/database.h"
#include "store/leases.h"
#include "store/store.h"

namespace bld::store {

struct StoreState {
  explicit StoreState(const StoreOptions& options);  // of a store that exists
  // What was put and never recorded goes, then the lease.
  ~StoreState();
  StoreState(const StoreState&) = delete;
  StoreState& operator=(const StoreState&) = delete;

  // Throws for a read-only store.
  Lease& lease();
  // Pins in a store that is written to; a read-only one has nothing to pin with. True when some of
  // them were not pinned before: what was read about them may be out of date.
  bool pin(std::span<const std::string> objects);

  bool pin(const std::string& object) { return pin(std::span(&object, 1)); }

  // Pins something new that no row points to yet.
  void pin_unrecorded(const std::string& object);

  // Returns once all trees that are committed now are on disk: one syncfs for all of them.
  void sync_trees();

  std::filesystem::path blob_path(const image::Digest& digest) const;
  std::filesystem::path tree_path(std::string_view tree_id) const;
  std::filesystem::path toc_path(std::string_view diff_id) const;
  std::filesystem::path container_path(std::string_view id) const;

  // Moves a file or directory out of the way, to be removed with empty_trash(). False: it is not
  // there.
  bool trash(const std::filesystem::path& path);
  void empty_trash();

  // last_used of steps is written once a day at most, and all together at the end.
  void note_step_used(const StepRecord& step);
  void write_used_steps();

  // The right to work on `name`, one thread at a time. Other processes are not kept off.
  class Exclusive {
   public:
    Exclusive(StoreState& state, std::string name);
    ~Exclusive();
    Exclusive(const Exclusive&) = delete;
    Exclusive& operator=(const Exclusive&) = delete;

   private:
    StoreState& state_;
    std::string name_;
  };

  // Directories in the lease's that an ActiveTree can be made of at once: few, and empty.
  std::optional<std::string> take_spare_tree();
  bool keep_spare_tree(const std::string& name);  // false: there are enough

  // Gives up the space kept for full disks, so that removing works on one. False: it is given up.
  bool release_reserve();
  void make_reserve();

  const std::filesystem::path root;
  Database database;
  const std::function<void(const std::string&)> waiting;  // see StoreOptions
  const std::stop_token stop;

  std::atomic<std::uint64_t> trees_committed = 0;

 private:
  std::unique_ptr<Lease> lease_;
  base::Mutex unrecorded_mutex_;
  std::set<std::string, std::less<>> unrecorded_ GUARDED_BY(unrecorded_mutex_);
  base::Mutex used_mutex_;
  std::set<std::string> used_steps_ GUARDED_BY(used_mutex_);
  base::Mutex busy_mutex_;
  base::CondVar busy_changed_;
  std::set<std::string> busy_ GUARDED_BY(busy_mutex_);
  base::Mutex trash_mutex_;
  std::vector<std::string> trash_ GUARDED_BY(trash_mutex_);  // names in the lease's directory
  base::Mutex spare_mutex_;
  std::vector<std::string> spare_trees_ GUARDED_BY(spare_mutex_);
  base::Mutex sync_mutex_;  // held while syncing: a second one waits for the first
  std::uint64_t trees_synced_ GUARDED_BY(sync_mutex_) = 0;
};

// The check of a row: 16 hex digits over its columns.
std::string row_seal(std::initializer_list<std::string_view> columns);

Time now();
std::int64_t seconds(Time time);
Time time_of(std::int64_t seconds);

}  // namespace bld::store
