// Working containers.
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "store/gc.h"
#include "store/rows.h"
#include "store/state.h"

namespace bld::store {

using base::Error;
namespace fs = std::filesystem;

namespace {

std::optional<Container> read_container(Session& session, std::string_view id) {
  Query row = session.query(
      "SELECT id, name, manifest_digest, config, created_at FROM containers WHERE id = ?", id);
  if (!row.next()) return std::nullopt;
  Container container{.id = row.text(0),
                      .name = row.text(1),
                      .image_manifest = std::nullopt,
                      .layers = {},
                      .config = row.text(3),
                      .created_at = time_of(row.integer(4))};
  if (!row.is_null(2)) container.image_manifest = image::Digest::parse(row.text(2));
  Query layers = session.query(
      "SELECT diff_id FROM container_layers WHERE container_id = ? ORDER BY position", id);
  while (layers.next()) {
    container.layers.push_back(image::DiffId{image::Digest::parse(layers.text(0))});
  }
  return container;
}

std::optional<std::string> one_text(Query row) {
  return row.next() ? std::optional(row.text(0)) : std::nullopt;
}

// By name, ID, or a prefix that only one ID has.
std::optional<std::string> find_id(Session& session, std::string_view text) {
  if (auto id = one_text(session.query("SELECT id FROM containers WHERE name = ?", text)))
    return id;
  if (text.empty() || text.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  Query rows = session.query(
      "SELECT id FROM containers WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT 2", text);
  if (!rows.next()) return std::nullopt;
  std::string id = rows.text(0);
  if (id != text && rows.next()) {
    throw Error("{}: the beginning of more than one container ID", text);
  }
  return id;
}

void refuse_used_name(Session& session, const Container& container) {
  const auto owner = one_text(session.query("SELECT id FROM containers WHERE name = ? AND id <> ?",
                                            container.name, container.id));
  if (!owner) return;
  throw Error(
      "creating container: the container name \"{}\" is already in use by {}. You have to remove "
      "that container to be able to reuse that name: that name is already in use",
      container.name, *owner);
}

void write_container(Session& session, const Container& container) {
  const std::optional<std::string> manifest =
      container.image_manifest ? std::optional(container.image_manifest->str()) : std::nullopt;
  session.run(
      "INSERT INTO containers (id, name, manifest_digest, config, created_at, number) "
      "VALUES (?, ?, ?, ?, ?, (SELECT ifnull(max(number), 0) + 1 FROM containers))",
      container.id, container.name, manifest, container.config, seconds(container.created_at));
  for (std::size_t i = 0; i < container.layers.size(); ++i) {
    session.run("INSERT INTO container_layers (container_id, position, diff_id) VALUES (?, ?, ?)",
                container.id, i, container.layers[i].digest.str());
  }
}

void make_dirs(const fs::path& path) {
  for (const fs::path& directory : {path, path / "upper", path / "work"}) {
    const mode_t mode = directory == path ? 0700 : 0755;
    if (::mkdir(directory.c_str(), mode) != 0 || ::chmod(directory.c_str(), mode) != 0) {
      throw Error::sys("mkdir", directory.string());
    }
  }
}

}  // namespace

Container Store::create_container(Container container) {
  StoreState& state = *state_;
  if (container.id.empty()) container.id = base::random_id() + base::random_id();
  if (container.created_at == Time{}) container.created_at = now();
  std::vector<std::string> pins;
  for (const image::DiffId& layer : container.layers) {
    pins.push_back(pin_of_layer(layer.digest.str()));
  }
  state.pin(pins);
  state.pin_unrecorded(pin_of_container(container.id));
  make_dirs(state.container_path(container.id));
  try {
    Session session(state.database, SessionKind::kWrite);
    refuse_used_name(session, container);
    if (container.image_manifest && !read_image(session, container.image_manifest->str())) {
      throw Error("{}: image not known", container.image_manifest->str());
    }
    write_container(session, container);
    session.commit();
  } catch (...) {
    state.trash(state.container_path(container.id));
    state.empty_trash();
    throw;
  }
  return container;
}

std::optional<Container> Store::find_container(std::string_view text) {
  std::optional<Container> container;
  {
    Session session(state_->database, SessionKind::kRead);
    const std::optional<std::string> id = find_id(session, text);
    if (!id) return std::nullopt;
    container = read_container(session, *id);
  }
  std::vector<std::string> pins = {pin_of_container(container->id)};
  for (const image::DiffId& layer : container->layers) {
    pins.push_back(pin_of_layer(layer.digest.str()));
  }
  state_->pin(pins);
  Session session(state_->database, SessionKind::kRead);
  return read_container(session, container->id);
}

std::vector<Container> Store::containers() {
  Session session(state_->database, SessionKind::kRead);
  std::vector<Container> all;
  Query rows = session.query("SELECT id FROM containers ORDER BY created_at, number");
  while (rows.next()) all.push_back(*read_container(session, rows.text(0)));
  return all;
}

void Store::update_container(const Container& container) {
  (void)state_->lease();
  Session session(state_->database, SessionKind::kWrite);
  refuse_used_name(session, container);
  if (session.run("UPDATE containers SET name = ?, config = ? WHERE id = ?", container.name,
                  container.config, container.id) == 0) {
    throw Error("{}: container not known", container.id);
  }
  session.commit();
}

void Store::remove_container(const std::string& id) {
  StoreState& state = *state_;
  (void)state.lease();
  {
    Session session(state.database, SessionKind::kDurableWrite);
    if (session.run("DELETE FROM containers WHERE id = ?", id) == 0) {
      throw Error("{}: container not known", id);
    }
    session.commit();
  }
  state.trash(state.container_path(id));
  state.empty_trash();
}

base::FileLock Store::lock_container(const std::string& id) {
  const auto name_of = [&] {
    Session session(state_->database, SessionKind::kRead);
    const auto container = read_container(session, id);
    if (!container) throw Error("{}: container not known", id);
    return container->name;
  };
  const std::string name = name_of();
  std::optional<base::FileLock> lock;
  try {
    lock = base::FileLock::wait(state_->container_path(id) / "lock",
                                base::FileLock::Mode::kExclusive, state_->stop, [&] {
                                  if (state_->waiting) state_->waiting(name);
                                });
  } catch (const Error&) {
    name_of();  // its directory goes with the container
    throw;
  }
  if (!lock) throw Error("stopped while waiting for the container {}", name);
  name_of();  // whoever held it may have removed the container
  return std::move(*lock);
}

}  // namespace bld::store
