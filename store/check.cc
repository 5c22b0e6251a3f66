// Is all of it there, and is it what it was?
#include <fcntl.h>
#include <sys/stat.h>

#include <functional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "layers/apply.h"
#include "store/gc.h"
#include "store/rows.h"
#include "store/state.h"

namespace bld::store {

using base::Error;
using base::RootedDir;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> texts(Query rows) {
  std::vector<std::string> all;
  while (rows.next()) all.push_back(rows.text(0));
  return all;
}

// One run of check(). Rows are read one object at a time, each pinned first, so that other
// processes go on meanwhile and what they remove is no finding.
class Checker {
 public:
  Checker(Store& store, StoreState& state, Store::Repair repair)
      : store_(store), state_(state), repair_(repair) {}

  std::vector<Finding> run() {
    const std::vector<std::string> problems = state_.database.integrity_problems();
    for (const std::string& problem : problems) {
      findings_.push_back({fmt::format("database: {}", problem), false});
    }
    if (!problems.empty()) return std::move(findings_);  // nothing that it says can be believed
    for_each("SELECT digest FROM blobs", &Checker::check_blob);
    for_each("SELECT tree_id FROM trees", &Checker::check_tree);
    for_each("SELECT diff_id FROM layers", &Checker::check_layer);
    for_each("SELECT manifest_digest FROM images", &Checker::check_image);
    for_each("SELECT name FROM names", &Checker::check_name);
    for_each("SELECT key FROM steps", &Checker::check_step);
    for_each("SELECT id FROM containers", &Checker::check_container);
    state_.empty_trash();
    return std::move(findings_);
  }

 private:
  void for_each(const char* sql, void (Checker::*check)(const std::string&)) {
    std::vector<std::string> keys;
    {
      Session session(state_.database, SessionKind::kRead);
      keys = texts(session.query(sql));
    }
    for (const std::string& key : keys) (this->*check)(key);
  }

  // Notes the damage and, where that is asked for, runs `repair` in one transaction.
  void damaged(std::string text, const std::function<void(Session&)>& repair) {
    const bool repaired = repair_ == Store::Repair::kYes && repair != nullptr;
    if (repaired) {
      const base::FileLock no_pins = lock_for_gc(state_.root);
      Session session(state_.database, SessionKind::kDurableWrite);
      repair(session);
      session.commit();
    }
    findings_.push_back({std::move(text), repaired});
  }

  static void drop_image(Session& session, const std::string& manifest) {
    session.run("UPDATE containers SET manifest_digest = NULL WHERE manifest_digest = ?", manifest);
    session.run("DELETE FROM names WHERE manifest_digest = ?", manifest);
    session.run("DELETE FROM images WHERE manifest_digest = ?", manifest);
  }

  void drop_blob(Session& session, const std::string& digest) {
    for (const std::string& manifest :
         texts(session.query("SELECT manifest_digest FROM images WHERE manifest_digest = ?1 "
                             "OR config_digest = ?1",
                             digest))) {
      drop_image(session, manifest);
    }
    session.run("DELETE FROM blobs WHERE digest = ?", digest);
    state_.trash(state_.blob_path(image::Digest::parse(digest)));
  }

  void check_blob(const std::string& digest) {
    state_.pin(pin_of_blob(digest));
    std::optional<image::Descriptor> row;
    {
      Session session(state_.database, SessionKind::kRead);
      row = read_blob(session, digest);
    }
    if (!row) return;
    const std::string problem = problem_of_file(state_.blob_path(row->digest), *row);
    if (problem.empty()) return;
    damaged(fmt::format("blob {}: {}", digest, problem),
            [&](Session& session) { drop_blob(session, digest); });
  }

  static std::string problem_of_file(const fs::path& path, const image::Descriptor& expected) {
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return Error::sys("open", path.filename().string()).what();
    try {
      base::FdSource source(file.get());
      base::Sha256 hash;
      const std::uint64_t size = base::pump(source, hash);
      if (size != expected.size) {
        return fmt::format("has {} of {} bytes", size, std::uint64_t(expected.size));
      }
      const image::Digest digest = image::Digest::from_sha256(hash.finish());
      if (digest != expected.digest) return fmt::format("its digest is {}", digest.str());
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  void check_tree(const std::string& tree_id) {
    state_.pin(pin_of_tree(tree_id));
    std::optional<Layer> layer;
    std::string parents_key;
    {
      Session session(state_.database, SessionKind::kRead);
      Query row =
          session.query("SELECT diff_id, parents_key FROM trees WHERE tree_id = ?", tree_id);
      if (!row.next()) return;
      parents_key = row.text(1);
      layer = read_layer(session, row.text(0));
    }
    if (!layer) return;
    std::string problem;
    try {
      problem = problem_of_tree(*layer, tree_id, parents_key);
    } catch (const Error& error) {
      problem = error.what();
    }
    if (problem.empty()) return;
    damaged(fmt::format("tree {} of layer {}: {}", tree_id, layer->diff_id.digest.str(), problem),
            [&](Session& session) {
              session.run("DELETE FROM trees WHERE tree_id = ?", tree_id);
              state_.trash(state_.tree_path(tree_id));
            });
  }

  // A tree that was sealed gives its diffID again. One that was extracted is compared with what
  // its blob gives now, unless it depends on parents, which the row does not tell.
  std::string problem_of_tree(const Layer& layer, const std::string& tree_id,
                              const std::string& parents_key) {
    const fs::path path = state_.tree_path(tree_id);

    struct stat info {};

    if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return "is missing";
    const RootedDir tree = RootedDir::open(path);
    if (!parents_key.empty()) return {};
    if (layer.sealed_with) {
      const image::DiffId now = layers::seal(tree, *layer.sealed_with).diff_id;
      return now == layer.diff_id ? std::string()
                                  : fmt::format("its diffID is {}", now.digest.str());
    }
    if (layer.blobs.empty()) return {};
    const ActiveTree fresh = store_.new_tree();
    const base::UniqueFd file = store_.open_blob(layer.blobs.front().digest);
    base::FdSource blob(file.get());
    const RootedDir target = RootedDir::open(fresh.fs());
    layers::apply(blob, target);
    return layers::seal(target, {}).diff_id == layers::seal(tree, {}).diff_id
               ? std::string()
               : "differs from its blob";
  }

  void drop_layer(Session& session, const std::string& diff_id) {
    session.run("DELETE FROM steps WHERE diff_id = ?", diff_id);
    for (const std::string& manifest : texts(session.query(
             "SELECT DISTINCT manifest_digest FROM image_layers WHERE diff_id = ?", diff_id))) {
      drop_image(session, manifest);
    }
    if (session.query("SELECT 1 FROM container_layers WHERE diff_id = ?", diff_id).next()) return;
    session.run("DELETE FROM layers WHERE diff_id = ?", diff_id);
  }

  void check_layer(const std::string& diff_id) {
    state_.pin(pin_of_layer(diff_id));
    std::string problem;
    {
      Session session(state_.database, SessionKind::kRead);
      Query row = session.query(
          "SELECT l.tar_size_bytes, l.seal, EXISTS (SELECT 1 FROM trees AS t WHERE t.diff_id = "
          "l.diff_id) OR EXISTS (SELECT 1 FROM layer_blobs AS b JOIN blobs USING (digest) WHERE "
          "b.diff_id = l.diff_id) FROM layers AS l WHERE l.diff_id = ?",
          diff_id);
      if (!row.next()) return;
      if (row.text(1) != seal_of_layer(diff_id, row.number(0))) {
        problem = "its row is damaged";
      } else if (row.integer(2) == 0) {
        problem = "has neither tree nor blob";
      }
    }
    if (problem.empty()) return;
    damaged(fmt::format("layer {}: {}", diff_id, problem),
            [&](Session& session) { drop_layer(session, diff_id); });
  }

  void check_image(const std::string& manifest) {
    std::string problem;
    try {
      problem = problem_of_image(manifest);
    } catch (const Error& error) {
      problem = error.what();
    }
    if (problem.empty()) return;
    damaged(fmt::format("image {}: {}", manifest, problem),
            [&](Session& session) { drop_image(session, manifest); });
  }

  std::string problem_of_image(const std::string& manifest) {
    std::string config;
    std::vector<std::string> layers;
    {
      Session session(state_.database, SessionKind::kRead);
      Query row = session.query("SELECT config_digest, seal FROM images WHERE manifest_digest = ?",
                                manifest);
      if (!row.next()) return {};
      config = row.text(0);
      if (row.text(1) != seal_of_image(manifest, config)) return "its row is damaged";
      layers = texts(session.query(
          "SELECT diff_id FROM image_layers WHERE manifest_digest = ? ORDER BY position",
          manifest));
    }
    const image::Manifest parsed = store_.read_manifest(image::Digest::parse(manifest));
    if (parsed.config.digest.str() != config) return "its manifest names another config";
    std::vector<std::string> expected;
    for (const image::DiffId& layer : store_.read_config(parsed.config.digest).diff_ids) {
      expected.push_back(layer.digest.str());
    }
    return expected == layers ? std::string() : "its config names other layers";
  }

  void check_name(const std::string& name) {
    {
      Session session(state_.database, SessionKind::kRead);
      Query row = session.query("SELECT manifest_digest, seal FROM names WHERE name = ?", name);
      if (!row.next() || row.text(1) == seal_of_name(name, row.text(0))) return;
    }
    damaged(fmt::format("name {}: its row is damaged", name),
            [&](Session& session) { session.run("DELETE FROM names WHERE name = ?", name); });
  }

  void check_step(const std::string& key) {
    {
      Session session(state_.database, SessionKind::kRead);
      Query row =
          session.query("SELECT content_key, diff_id, value, seal FROM steps WHERE key = ?", key);
      if (!row.next() || row.text(3) == seal_of_step(key, row.text(0), row.text(1), row.text(2))) {
        return;
      }
    }
    damaged(fmt::format("step {}: its row is damaged", key),
            [&](Session& session) { session.run("DELETE FROM steps WHERE key = ?", key); });
  }

  // What is in a working container is the user's; it is never dropped.
  void check_container(const std::string& id) {
    struct stat info {};

    if (::lstat((state_.container_path(id) / "upper").c_str(), &info) == 0) return;
    damaged(fmt::format("container {}: its directory is missing", id), nullptr);
  }

  Store& store_;
  StoreState& state_;
  const Store::Repair repair_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> Store::check(Repair repair) {
  (void)state_->lease();
  return Checker(*this, *state_, repair).run();
}

}  // namespace bld::store
