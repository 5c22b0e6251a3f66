#include "store/gc.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "store/toc_file.h"

namespace bld::store {

namespace {

using Pins = std::set<std::string, std::less<>>;

constexpr std::int64_t kFileDigestDays = 90;

bool has_row(Session& session, const char* sql, std::string_view key) {
  return session.query(sql, key).next();
}

bool layer_is_reached(Session& session, std::string_view diff_id) {
  return has_row(session,
                 "SELECT 1 FROM image_layers WHERE diff_id = ?1 UNION ALL "
                 "SELECT 1 FROM steps WHERE diff_id = ?1 UNION ALL "
                 "SELECT 1 FROM container_layers WHERE diff_id = ?1 LIMIT 1",
                 diff_id);
}

bool blob_is_reached(Session& session, std::string_view digest) {
  return has_row(session,
                 "SELECT 1 FROM images WHERE manifest_digest = ?1 OR config_digest = ?1 UNION ALL "
                 "SELECT 1 FROM layer_blobs WHERE digest = ?1 LIMIT 1",
                 digest);
}

// A blob that is pinned by itself keeps its layer, whose row says what it is.
bool has_pinned_blob(Session& session, std::string_view diff_id, const Pins& pins) {
  Query blobs = session.query("SELECT digest FROM layer_blobs WHERE diff_id = ?", diff_id);
  while (blobs.next()) {
    if (pins.contains(pin_of_blob(blobs.text(0)))) return true;
  }
  return false;
}

// Returns the blobs that the layer had.
std::vector<std::string> remove_layer(Session& session, const std::string& diff_id,
                                      const Pins& pins, Removal& removal) {
  std::vector<std::string> blobs;
  if (pins.contains(pin_of_layer(diff_id)) || layer_is_reached(session, diff_id) ||
      has_pinned_blob(session, diff_id, pins)) {
    return blobs;
  }
  std::uint64_t tar_size = 0;
  {
    Query row = session.query("SELECT tar_size_bytes FROM layers WHERE diff_id = ?", diff_id);
    if (!row.next()) return blobs;
    tar_size = row.number(0);
  }
  {
    Query trees = session.query("SELECT tree_id FROM trees WHERE diff_id = ?", diff_id);
    while (trees.next()) {
      if (pins.contains(pin_of_tree(trees.text(0)))) continue;
      removal.trees.push_back(trees.text(0));
      ++removal.result.trees;
      removal.result.freed_bytes += tar_size;
    }
  }
  {
    Query rows = session.query("SELECT digest FROM layer_blobs WHERE diff_id = ?", diff_id);
    while (rows.next()) blobs.push_back(rows.text(0));
  }
  session.run("DELETE FROM layers WHERE diff_id = ?", diff_id);
  removal.layers.push_back(diff_id);
  ++removal.result.layers;
  return blobs;
}

void remove_blob(Session& session, const std::string& digest, const Pins& pins, Removal& removal) {
  if (pins.contains(pin_of_blob(digest)) || blob_is_reached(session, digest)) return;
  std::uint64_t size = 0;
  {
    Query row = session.query("SELECT size_bytes FROM blobs WHERE digest = ?", digest);
    if (!row.next()) return;
    size = row.number(0);
  }
  session.run("DELETE FROM blobs WHERE digest = ?", digest);
  removal.blobs.push_back(digest);
  ++removal.result.blobs;
  removal.result.freed_bytes += size;
}

std::vector<std::string> column(Session& session, const char* sql) {
  std::vector<std::string> values;
  Query rows = session.query(sql);
  while (rows.next()) values.push_back(rows.text(0));
  return values;
}

// Steps whose layer lost both faces can never be hits.
void remove_dead_steps(Session& session, GcResult& result) {
  result.steps += static_cast<std::uint64_t>(
      session.run("DELETE FROM steps WHERE diff_id IN (SELECT diff_id FROM layers AS l WHERE "
                  "NOT EXISTS (SELECT 1 FROM trees AS t WHERE t.diff_id = l.diff_id) AND "
                  "NOT EXISTS (SELECT 1 FROM layer_blobs AS b JOIN blobs USING (digest) "
                  "WHERE b.diff_id = l.diff_id))"));
}

}  // namespace

Removal remove_rows(Session& session, const Candidates& candidates, const Pins& pins) {
  Removal removal;
  std::set<std::string> blobs = candidates.blobs;
  for (const std::string& diff_id : candidates.layers) {
    for (std::string& blob : remove_layer(session, diff_id, pins, removal)) {
      blobs.insert(std::move(blob));
    }
  }
  for (const std::string& digest : blobs) remove_blob(session, digest, pins, removal);
  return removal;
}

void move_away(StoreState& state, const Removal& removal) {
  for (const std::string& blob : removal.blobs) {
    state.trash(state.blob_path(image::Digest::parse(blob)));
  }
  for (const std::string& tree : removal.trees) state.trash(state.tree_path(tree));
  for (const std::string& layer : removal.layers) state.trash(state.toc_path(layer));
}

void remove_orphans(StoreState& state, std::span<const std::string> pins, std::string_view own_id) {
  {
    const base::FileLock no_pins = lock_for_gc(state.root);
    const Pins live = live_pins(state.root, own_id);
    Session session(state.database, SessionKind::kRead);
    for (const std::string& object : pins) {
      const std::size_t blank = object.find(' ');
      if (blank == std::string::npos || live.contains(object)) continue;
      const std::string kind = object.substr(0, blank);
      const std::string name = object.substr(blank + 1);
      if (kind == "blob" && !has_row(session, "SELECT 1 FROM blobs WHERE digest = ?", name)) {
        state.trash(state.blob_path(image::Digest::parse(name)));
      } else if (kind == "tree" &&
                 !has_row(session, "SELECT 1 FROM trees WHERE tree_id = ?", name)) {
        state.trash(state.tree_path(name));
      } else if (kind == "container" &&
                 !has_row(session, "SELECT 1 FROM containers WHERE id = ?", name)) {
        state.trash(state.container_path(name));
      }
    }
  }
  state.empty_trash();
}

namespace {

// Everything on disk, as the pins that would protect it: what has no row is an orphan.
std::vector<std::string> objects_on_disk(const std::filesystem::path& path) {
  std::vector<std::string> objects;
  const base::RootedDir root = base::RootedDir::open(path);
  for (const char* algorithm : {"sha256", "sha512"}) {
    for (const std::string& name : root.open_dir(fmt::format("blobs/{}", algorithm)).names()) {
      objects.push_back(pin_of_blob(fmt::format("{}:{}", algorithm, name)));
    }
  }
  for (const std::string& name : root.open_dir("trees").names()) {
    objects.push_back(pin_of_tree(name));
  }
  for (const std::string& name : root.open_dir("containers").names()) {
    objects.push_back(pin_of_container(name));
  }
  return objects;
}

}  // namespace

GcResult Store::gc() {
  StoreState& state = *state_;
  (void)state.lease();
  Removal removal;
  {
    const base::FileLock no_pins = lock_for_gc(state.root);
    const Pins pins = live_pins(state.root);
    {
      Session session(state.database, SessionKind::kWrite);
      GcResult steps;
      remove_dead_steps(session, steps);
      Candidates all;
      for (auto& id : column(session, "SELECT diff_id FROM layers")) all.layers.insert(id);
      for (auto& digest : column(session, "SELECT digest FROM blobs")) all.blobs.insert(digest);
      removal = remove_rows(session, all, pins);
      removal.result.steps = steps.steps;
      session.run("DELETE FROM file_digests WHERE stored_on < ?",
                  seconds(now()) / 86400 - kFileDigestDays);
      session.commit();
    }
    move_away(state, removal);
    remove_unused_tocs(state);
  }
  state.empty_trash();
  remove_orphans(state, objects_on_disk(state.root), {});
  return removal.result;
}

}  // namespace bld::store
