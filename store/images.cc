// Images and their names.
#include <algorithm>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "store/gc.h"
#include "store/rows.h"
#include "store/state.h"

namespace bld::store {

using base::Error;

std::string ImageRecord::id() const { return std::string(config_digest.hex()); }

std::string ImageRecord::exact_name() const { return store::exact_name(manifest_digest); }

Time ImageRecord::made_at() const {
  const auto time = image::parse_time(created);
  return time && *time > Time{} ? *time : stored_at;
}

std::string exact_name(const image::Digest& manifest_digest) {
  return "image@" + manifest_digest.str();
}

std::string seal_of_image(std::string_view manifest_digest, std::string_view config_digest) {
  return row_seal({"image", manifest_digest, config_digest});
}

std::string seal_of_name(std::string_view name, std::string_view manifest_digest) {
  return row_seal({"name", name, manifest_digest});
}

std::string stored_name(const image::Reference& name) {
  if (!name.digest()) return name.with_default_tag().str();
  return fmt::format("{}@{}", name.name(), name.digest()->str());
}

namespace {

// A row that begins with config_digest, created, stored_at and size_bytes; without names.
ImageRecord image_of(Query& row, std::string_view manifest_digest) {
  ImageRecord image;
  image.manifest_digest = image::Digest::parse(manifest_digest);
  image.config_digest = image::Digest::parse(row.text(0));
  image.created = row.text(1);
  image.stored_at = time_of(row.integer(2));
  image.size_bytes = row.number(3);
  return image;
}

}  // namespace

std::optional<ImageRecord> read_image(Session& session, std::string_view manifest_digest) {
  Query row = session.query(
      "SELECT config_digest, created, stored_at, size_bytes FROM images WHERE manifest_digest = ?",
      manifest_digest);
  if (!row.next()) return std::nullopt;
  ImageRecord image = image_of(row, manifest_digest);
  Query names = session.query("SELECT name FROM names WHERE manifest_digest = ? ORDER BY name",
                              manifest_digest);
  while (names.next()) image.names.push_back(names.text(0));
  return image;
}

namespace {

constexpr std::size_t kDocumentLimitBytes = 4 << 20;

// What a text meant: one image by a name, or all manifests of one image ID.
struct Found {
  std::string name;                    // empty: it was an ID
  std::vector<std::string> manifests;  // latest first; never empty
};

std::vector<std::string> texts(Query rows) {
  std::vector<std::string> all;
  while (rows.next()) all.push_back(rows.text(0));
  return all;
}

std::optional<Found> find_by_name(Session& session, const std::string& name) {
  std::vector<std::string> manifests =
      texts(session.query("SELECT manifest_digest FROM names WHERE name = ?", name));
  if (!manifests.empty()) return Found{name, std::move(manifests)};
  // NAME@DIGEST: any image with that manifest; the digest alone decides.
  const std::size_t at = name.find('@');
  if (at == std::string::npos) return std::nullopt;
  manifests = texts(session.query("SELECT manifest_digest FROM images WHERE manifest_digest = ?",
                                  name.substr(at + 1)));
  if (manifests.empty()) return std::nullopt;
  return Found{{}, std::move(manifests)};
}

std::optional<Found> find_by_id(Session& session, std::string_view text) {
  const std::string_view hex = text.starts_with("sha256:") ? text.substr(7) : text;
  if (hex.empty() || hex.size() > 64 ||
      hex.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string low = "sha256:" + std::string(hex);
  const std::vector<std::string> ids =
      texts(session.query("SELECT DISTINCT config_digest FROM images WHERE config_digest >= ?1 AND "
                          "config_digest < ?1 || 'g' ORDER BY config_digest LIMIT 2",
                          low));
  if (ids.empty()) return std::nullopt;
  if (ids.size() > 1) throw Error("{}: the beginning of more than one image ID", text);
  return Found{{},
               texts(session.query("SELECT manifest_digest FROM images WHERE config_digest = ? "
                                   "ORDER BY stored_at DESC, manifest_digest",
                                   ids.front()))};
}

std::optional<Found> find(Session& session, std::string_view text) {
  for (const std::string& name : names_meant_by(text)) {
    if (std::optional<Found> found = find_by_name(session, name)) return found;
  }
  return find_by_id(session, text);
}

void pin_image(StoreState& state, const std::string& manifest_digest) {
  std::vector<std::string> pins;
  {
    Session session(state.database, SessionKind::kRead);
    const std::optional<ImageRecord> image = read_image(session, manifest_digest);
    if (!image) return;
    pins = {pin_of_blob(manifest_digest), pin_of_blob(image->config_digest.str())};
    Query layers = session.query("SELECT diff_id FROM image_layers WHERE manifest_digest = ?",
                                 manifest_digest);
    while (layers.next()) pins.push_back(pin_of_layer(layers.text(0)));
  }
  state.pin(pins);
}

// Pins what `find_manifest` answers, and asks again, since it may have gone before it was pinned.
template <typename FindManifest>
std::optional<ImageRecord> find_pinned(StoreState& state, const FindManifest& find_manifest) {
  std::string manifest;
  {
    Session session(state.database, SessionKind::kRead);
    manifest = find_manifest(session);
  }
  if (manifest.empty()) return std::nullopt;
  pin_image(state, manifest);
  Session session(state.database, SessionKind::kRead);
  return read_image(session, manifest);
}

}  // namespace

std::vector<std::string> names_meant_by(std::string_view text) {
  std::vector<std::string> names;
  try {
    names.push_back(stored_name(image::Reference::parse_local(text)));
    names.push_back(stored_name(image::Reference::parse(text)));
  } catch (const Error&) {
    // It is no name; it may be the beginning of an ID.
  }
  return names;
}

std::optional<ImageRecord> Store::find_image(std::string_view text) {
  return find_pinned(*state_, [&](Session& session) {
    const std::optional<Found> found = find(session, text);
    return found ? found->manifests.front() : std::string();
  });
}

std::optional<ImageRecord> Store::find_image(const image::Reference& name) {
  return find_pinned(*state_, [&](Session& session) {
    const std::optional<Found> found = find_by_name(session, stored_name(name));
    return found ? found->manifests.front() : std::string();
  });
}

ImageRecord Store::get_image(std::string_view text) {
  std::optional<ImageRecord> image = find_image(text);
  if (!image) throw Error("{}: image not known", text);
  return *image;
}

std::vector<ImageRecord> Store::images() {
  Session session(state_->database, SessionKind::kRead);
  std::vector<ImageRecord> all;
  Query rows = session.query(
      "SELECT config_digest, created, stored_at, size_bytes, manifest_digest FROM images "
      "ORDER BY manifest_digest");
  while (rows.next()) all.push_back(image_of(rows, rows.text(4)));
  // Both by manifest: one pass brings them together.
  Query names =
      session.query("SELECT manifest_digest, name FROM names ORDER BY manifest_digest, name");
  auto image = all.begin();
  while (names.next()) {
    const std::string manifest = names.text(0);
    while (image != all.end() && image->manifest_digest.str() < manifest) ++image;
    if (image == all.end()) break;
    if (image->manifest_digest.str() == manifest) image->names.push_back(names.text(1));
  }
  std::stable_sort(all.begin(), all.end(), [](const ImageRecord& a, const ImageRecord& b) {
    return std::tie(b.stored_at, b.created) < std::tie(a.stored_at, a.created);
  });
  return all;
}

std::string Store::read_manifest_text(const image::Digest& manifest_digest) {
  return base::read_fd(open_blob(manifest_digest).get(), kDocumentLimitBytes);
}

std::string Store::read_config_text(const image::Digest& config_digest) {
  return base::read_fd(open_blob(config_digest).get(), kDocumentLimitBytes);
}

image::Manifest Store::read_manifest(const image::Digest& manifest_digest) {
  return image::Manifest::parse(read_manifest_text(manifest_digest));
}

image::ImageConfig Store::read_config(const image::Digest& config_digest) {
  return image::ImageConfig::parse(read_config_text(config_digest));
}

bool Store::untag(const image::Reference& name) {
  (void)state_->lease();
  Session session(state_->database, SessionKind::kDurableWrite);
  const bool is_known = session.run("DELETE FROM names WHERE name = ?", stored_name(name)) != 0;
  session.commit();
  return is_known;
}

namespace {

void refuse_containers(const std::vector<std::string>& containers) {
  if (containers.empty()) return;
  throw Error("image used by {}: image is in use by a container", containers.front())
      .hint("remove the container first, or force the removal");
}

// Locks the containers that go by force. Never waits: the lock of a container comes before gc.lock.
std::vector<base::FileLock> lock_containers(StoreState& state,
                                            const std::vector<std::string>& containers) {
  std::vector<base::FileLock> locks;
  for (const std::string& id : containers) {
    if (!std::filesystem::exists(state.container_path(id))) continue;
    std::optional<base::FileLock> lock = base::FileLock::attempt(state.container_path(id) / "lock",
                                                                 base::FileLock::Mode::kExclusive);
    if (!lock) throw Error("container {} is in use by another command", id);
    locks.push_back(std::move(*lock));
  }
  return locks;
}

// Takes the image's rows away; what it pointed to becomes candidates.
void remove_image_rows(Session& session, const std::string& manifest, Store::Force force,
                       Candidates& candidates, RemovedImage& removed) {
  std::vector<std::string> containers =
      texts(session.query("SELECT id FROM containers WHERE manifest_digest = ?", manifest));
  if (force == Store::Force::kNo) refuse_containers(containers);
  for (const std::string& id : containers) {
    for (std::string& layer :
         texts(session.query("SELECT diff_id FROM container_layers WHERE container_id = ?", id))) {
      candidates.layers.insert(std::move(layer));
    }
    session.run("DELETE FROM containers WHERE id = ?", id);
    removed.removed_containers.push_back(id);
  }
  const std::optional<ImageRecord> image = read_image(session, manifest);
  for (const std::string& name : image->names) removed.untagged.push_back(name);
  for (std::string& layer : texts(
           session.query("SELECT diff_id FROM image_layers WHERE manifest_digest = ?", manifest))) {
    candidates.layers.insert(std::move(layer));
  }
  candidates.blobs.insert({manifest, image->config_digest.str()});
  session.run("DELETE FROM names WHERE manifest_digest = ?", manifest);
  session.run("DELETE FROM images WHERE manifest_digest = ?", manifest);
  Query others = session.query("SELECT 1 FROM images WHERE config_digest = ? LIMIT 1",
                               image->config_digest.str());
  if (!others.next()) removed.removed_ids.push_back(image->id());
}

std::vector<std::string> names_of(Session& session, const std::vector<std::string>& manifests) {
  std::vector<std::string> names;
  for (const std::string& manifest : manifests) {
    const std::optional<ImageRecord> image = read_image(session, manifest);
    names.insert(names.end(), image->names.begin(), image->names.end());
  }
  return names;
}

RemovedImage remove(StoreState& state, std::string_view text, Store::Force force) {
  RemovedImage removed;
  Removal removal;
  std::vector<base::FileLock> container_locks;
  {
    const base::FileLock no_pins = lock_for_gc(state.root);
    Session session(state.database, SessionKind::kDurableWrite);
    const std::optional<Found> found = find(session, text);
    if (!found) throw Error("{}: image not known", text);
    const std::vector<std::string> names = names_of(session, found->manifests);
    if (!found->name.empty() && names.size() > 1) {
      session.run("DELETE FROM names WHERE name = ?", found->name);
      removed.untagged = {found->name};
    } else {
      if (names.size() > 1 && force == Store::Force::kNo) {
        throw Error("unable to delete image \"{}\" by ID with more than one tag ({})", text,
                    base::join(names, ", "))
            .hint("force the removal to remove all of them");
      }
      Candidates candidates;
      for (const std::string& manifest : found->manifests) {
        remove_image_rows(session, manifest, force, candidates, removed);
      }
      container_locks = lock_containers(state, removed.removed_containers);
      removal = remove_rows(session, candidates, live_pins(state.root));
    }
    session.commit();
    move_away(state, removal);
    for (const std::string& id : removed.removed_containers) state.trash(state.container_path(id));
  }
  state.empty_trash();
  return removed;
}

}  // namespace

RemovedImage Store::remove_image(std::string_view text, Force force) {
  (void)state_->lease();
  try {
    return remove(*state_, text, force);
  } catch (const Error& error) {
    if (!is_disk_full(error) || !state_->release_reserve()) throw;
  }
  RemovedImage removed = remove(*state_, text, force);
  state_->make_reserve();
  return removed;
}

}  // namespace bld::store
