// The step cache.
#include <sys/stat.h>

#include <utility>

#include "store/rows.h"
#include "store/state.h"

namespace bld::store {

namespace {

constexpr std::int64_t kSecondsADay = 86400;

constexpr const char* kByKey =
    "SELECT key, content_key, diff_id, ingredients, value, label, created_at, last_used, seal "
    "FROM steps WHERE key = ?";
constexpr const char* kByContentKey =
    "SELECT key, content_key, diff_id, ingredients, value, label, created_at, last_used, seal "
    "FROM steps WHERE content_key = ? ORDER BY created_at DESC";
constexpr const char* kByLabel =
    "SELECT key, content_key, diff_id, ingredients, value, label, created_at, last_used, seal "
    "FROM steps WHERE label = ? ORDER BY created_at DESC, rowid DESC LIMIT 1";

// Nothing for a row that does not say what was written: a wrong hit is worse than a missed one.
std::optional<StepRecord> read_row(const Query& row) {
  const std::string diff_id = row.text(2);
  StepRecord step{.key = row.text(0),
                  .content_key = row.text(1),
                  .layer = std::nullopt,
                  .ingredients = row.text(3),
                  .value = row.text(4),
                  .label = row.text(5),
                  .created_at = time_of(row.integer(6)),
                  .last_used = time_of(row.integer(7))};
  if (row.text(8) != seal_of_step(step.key, step.content_key, diff_id, step.value)) {
    return std::nullopt;
  }
  if (!diff_id.empty()) step.layer = image::DiffId{image::Digest::parse(diff_id)};
  return step;
}

bool has_face(Session& session, const StoreState& state, const std::string& diff_id) {
  struct stat info {};

  Query trees = session.query("SELECT tree_id FROM trees WHERE diff_id = ?", diff_id);
  while (trees.next()) {
    if (::lstat(state.tree_path(trees.text(0)).c_str(), &info) == 0) return true;
  }
  Query blobs = session.query(
      "SELECT digest FROM layer_blobs JOIN blobs USING (digest) WHERE diff_id = ?", diff_id);
  while (blobs.next()) {
    if (::lstat(state.blob_path(image::Digest::parse(blobs.text(0))).c_str(), &info) == 0) {
      return true;
    }
  }
  return false;
}

std::optional<StepRecord> find_in(Session& session, const StoreState& state, const char* sql,
                                  std::string_view key) {
  Query rows = session.query(sql, key);
  while (rows.next()) {
    std::optional<StepRecord> step = read_row(rows);
    if (step && (!step->layer || has_face(session, state, step->layer->digest.str()))) return step;
  }
  return std::nullopt;
}

}  // namespace

std::string seal_of_step(std::string_view key, std::string_view content_key,
                         std::string_view diff_id, std::string_view value) {
  return row_seal({"step", key, content_key, diff_id, value});
}

void write_step(Session& session, const StepRecord& step) {
  const std::string diff_id = step.layer ? step.layer->digest.str() : std::string();
  const std::int64_t time = seconds(now());
  session.run(
      "INSERT OR REPLACE INTO steps (key, content_key, diff_id, ingredients, value, label, "
      "created_at, last_used, seal) VALUES (?, nullif(?, ''), nullif(?, ''), ?, ?, ?, ?, ?, ?)",
      step.key, step.content_key, diff_id, step.ingredients, step.value, step.label,
      step.created_at == Time{} ? time : seconds(step.created_at),
      step.last_used == Time{} ? time : seconds(step.last_used),
      seal_of_step(step.key, step.content_key, diff_id, step.value));
}

std::optional<StepRecord> Store::find_step(std::string_view key) {
  StoreState& state = *state_;
  const auto find = [&] {
    Session session(state.database, SessionKind::kRead);
    std::optional<StepRecord> step = find_in(session, state, kByKey, key);
    return step ? step : find_in(session, state, kByContentKey, key);
  };
  std::optional<StepRecord> step = find();
  if (!step) return step;
  if (step->layer && state.pin(pin_of_layer(step->layer->digest.str()))) {
    // Pinned only now, it may have gone just before.
    step = find();
    if (!step) return step;
  }
  state.note_step_used(*step);
  return step;
}

void Store::put_steps(std::span<const StepRecord> steps) {
  (void)state_->lease();
  Session session(state_->database, SessionKind::kWrite);
  for (const StepRecord& step : steps) write_step(session, step);
  session.commit();
}

std::optional<StepRecord> Store::latest_step(std::string_view label) {
  Session session(state_->database, SessionKind::kRead);
  Query row = session.query(kByLabel, label);
  return row.next() ? read_row(row) : std::nullopt;
}

void StoreState::note_step_used(const StepRecord& step) {
  if (lease_ == nullptr || seconds(now()) - seconds(step.last_used) < kSecondsADay) return;
  const base::MutexLock lock(used_mutex_);
  used_steps_.insert(step.key);
}

void StoreState::write_used_steps() {
  std::set<std::string> keys;
  {
    const base::MutexLock lock(used_mutex_);
    keys.swap(used_steps_);
  }
  if (keys.empty()) return;
  Session session(database, SessionKind::kWrite);
  for (const std::string& key : keys) {
    session.run("UPDATE steps SET last_used = ? WHERE key = ?", seconds(now()), key);
  }
  session.commit();
}

}  // namespace bld::store
