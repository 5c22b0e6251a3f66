// What the store takes on the disk, and making room by forgetting what is cached.
#include <fts.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/rooted_dir.h"
#include "store/rows.h"
#include "store/state.h"

namespace bld::store {

namespace {

using base::Error;
namespace fs = std::filesystem;

std::uint64_t bytes_below(const fs::path& directory) {
  std::string path = directory.string();
  char* const roots[] = {path.data(), nullptr};
  FTS* walk = ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, nullptr);
  if (walk == nullptr) throw Error::sys("reading", path);
  std::uint64_t bytes = 0;
  while (const FTSENT* entry = ::fts_read(walk)) {
    if (entry->fts_info == FTS_F || entry->fts_info == FTS_D || entry->fts_info == FTS_SL) {
      bytes += static_cast<std::uint64_t>(entry->fts_statp->st_blocks) * 512;
    }
  }
  ::fts_close(walk);
  return bytes;
}

// A layer and who holds it.
struct LayerUse {
  std::uint64_t bytes = 0;
  std::uint64_t images = 0, containers = 0, steps = 0;

  bool is_only_cached() const { return images == 0 && containers == 0; }
};

using LayerUses = std::map<std::string, LayerUse>;

LayerUses read_layers(Session& session) {
  LayerUses uses;
  Query layers = session.query(
      "SELECT l.diff_id, "
      "l.tar_size_bytes * (SELECT count(*) FROM trees AS t WHERE t.diff_id = l.diff_id) + "
      "coalesce((SELECT sum(b.size_bytes) FROM layer_blobs AS lb JOIN blobs AS b USING (digest) "
      "WHERE lb.diff_id = l.diff_id), 0), "
      "(SELECT count(DISTINCT manifest_digest) FROM image_layers AS i "
      "WHERE i.diff_id = l.diff_id), "
      "(SELECT count(DISTINCT container_id) FROM container_layers AS c "
      "WHERE c.diff_id = l.diff_id), "
      "(SELECT count(*) FROM steps AS s WHERE s.diff_id = l.diff_id) FROM layers AS l");
  while (layers.next()) {
    uses[layers.text(0)] = {.bytes = layers.number(1),
                            .images = layers.number(2),
                            .containers = layers.number(3),
                            .steps = layers.number(4)};
  }
  return uses;
}

void add_images(Session& session, const LayerUses& layers, StoreUsage& usage) {
  Query rows = session.query(
      "SELECT i.manifest_digest, i.config_digest, i.stored_at, "
      "EXISTS (SELECT 1 FROM containers AS c WHERE c.manifest_digest = i.manifest_digest) "
      "FROM images AS i ORDER BY i.stored_at DESC, i.manifest_digest");
  while (rows.next()) {
    const std::string manifest = rows.text(0);
    UsageItem item;
    item.id = image::Digest::parse(rows.text(1)).hex();
    item.last_used = time_of(rows.integer(2));
    item.in_use = rows.integer(3) != 0;
    Query names =
        session.query("SELECT name FROM names WHERE manifest_digest = ? ORDER BY name", manifest);
    while (names.next()) item.names.push_back(names.text(0));
    Query held = session.query(
        "SELECT DISTINCT diff_id FROM image_layers WHERE manifest_digest = ?", manifest);
    while (held.next()) {
      const LayerUse& layer = layers.at(held.text(0));
      item.bytes += layer.bytes;
      if (layer.images == 1 && layer.containers == 0 && layer.steps == 0) {
        item.own_bytes += layer.bytes;
      }
    }
    usage.images.push_back(std::move(item));
  }
}

void add_containers(Session& session, const StoreState& state, StoreUsage& usage) {
  Query rows =
      session.query("SELECT id, name, created_at FROM containers ORDER BY created_at, number");
  while (rows.next()) {
    UsageItem item;
    item.id = rows.text(0);
    item.names = {rows.text(1)};
    item.bytes = item.own_bytes = bytes_below(state.container_path(item.id));
    item.last_used = time_of(rows.integer(2));
    usage.containers.push_back(std::move(item));
  }
}

// Held by nobody as long as the lock lives. Nothing: a step uses the cache.
std::optional<base::FileLock> lock_cache(const fs::path& directory) {
  return base::FileLock::attempt(directory / "lock", base::FileLock::Mode::kExclusive);
}

std::vector<UsageItem> run_caches(const fs::path& root) {
  std::vector<UsageItem> caches;
  const base::RootedDir directory = base::RootedDir::open(root / "cache");
  for (const std::string& name : directory.names()) {
    const auto status = directory.lstat(name);
    const auto data = directory.lstat(name + "/data");
    if (!status || !data) continue;  // emptied before, or just being made
    UsageItem item;
    item.id = name;
    item.last_used = time_of(status->st_mtim.tv_sec);
    item.bytes = item.own_bytes = bytes_below(root / "cache" / name / "data");
    item.in_use = !lock_cache(root / "cache" / name).has_value();
    caches.push_back(std::move(item));
  }
  return caches;
}

// Something of a cache that can go.
struct Evictable {
  Time last_used{};
  std::string step;       // a key, or
  std::string run_cache;  // a directory under cache/
  std::string diff_id;    // of the step's layer
  std::uint64_t bytes = 0;
};

std::vector<Evictable> evictables(Session& session, const std::vector<UsageItem>& caches) {
  std::vector<Evictable> all;
  Query steps = session.query("SELECT key, coalesce(diff_id, ''), last_used FROM steps");
  while (steps.next()) {
    all.push_back({.last_used = time_of(steps.integer(2)),
                   .step = steps.text(0),
                   .run_cache = "",
                   .diff_id = steps.text(1)});
  }
  for (const UsageItem& cache : caches) {
    if (cache.in_use) continue;
    all.push_back({.last_used = cache.last_used,
                   .step = "",
                   .run_cache = cache.id,
                   .diff_id = "",
                   .bytes = cache.bytes});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.last_used < b.last_used; });
  return all;
}

// What goes with a step: its layer, if nothing else holds that.
std::uint64_t bytes_of_last_holder(LayerUses& layers, const std::string& diff_id) {
  const auto layer = layers.find(diff_id);
  if (layer == layers.end()) return 0;
  --layer->second.steps;
  return layer->second.steps == 0 && layer->second.is_only_cached() ? layer->second.bytes : 0;
}

}  // namespace

std::uint64_t StoreUsage::total_bytes() const {
  std::uint64_t total = layer_bytes + document_bytes;
  for (const auto* items : {&containers, &run_caches}) {
    for (const UsageItem& item : *items) total += item.bytes;
  }
  return total;
}

StoreUsage Store::usage() {
  StoreUsage usage;
  usage.run_caches = run_caches(state_->root);
  Session session(state_->database, SessionKind::kRead);
  const LayerUses layers = read_layers(session);
  for (const auto& [diff_id, layer] : layers) {
    usage.layer_bytes += layer.bytes;
    if (!layer.is_only_cached()) usage.image_layer_bytes += layer.bytes;
  }
  Query documents = session.query(
      "SELECT coalesce(sum(size_bytes), 0) FROM blobs AS b WHERE NOT EXISTS "
      "(SELECT 1 FROM layer_blobs AS lb WHERE lb.digest = b.digest)");
  if (documents.next()) usage.document_bytes = documents.number(0);
  Query steps = session.query("SELECT count(*) FROM steps");
  if (steps.next()) usage.steps = steps.number(0);
  add_images(session, layers, usage);
  add_containers(session, *state_, usage);
  return usage;
}

GcResult Store::evict_cache(const CacheRule& rule) {
  StoreState& state = *state_;
  (void)state.lease();
  std::uint64_t total = 0;
  std::vector<UsageItem> caches;
  if (rule.keep_bytes) {
    StoreUsage now = usage();
    total = now.total_bytes();
    if (total <= *rule.keep_bytes) return {};
    caches = std::move(now.run_caches);
  } else {
    caches = run_caches(state.root);
  }
  std::vector<Evictable> emptied;
  std::uint64_t steps = 0;
  {
    Session session(state.database, SessionKind::kWrite);
    LayerUses layers = read_layers(session);
    for (const Evictable& item : evictables(session, caches)) {
      if (rule.unused_since && item.last_used >= *rule.unused_since) break;
      if (rule.keep_bytes && total <= *rule.keep_bytes) break;
      std::uint64_t freed = item.bytes;
      if (item.step.empty()) {
        emptied.push_back(item);
      } else {
        session.run("DELETE FROM steps WHERE key = ?", item.step);
        ++steps;
        freed = bytes_of_last_holder(layers, item.diff_id);
      }
      total -= std::min(total, freed);
    }
    session.commit();
  }
  GcResult result = gc();
  result.steps += steps;
  for (const Evictable& cache : emptied) {
    const fs::path directory = state.root / "cache" / cache.run_cache;
    // Its directory and lock stay: somebody may be waiting for them.
    const auto lock = lock_cache(directory);
    if (!lock || !state.trash(directory / "data")) continue;
    ++result.run_caches;
    result.freed_bytes += cache.bytes;
  }
  state.empty_trash();
  return result;
}

}  // namespace bld::store
