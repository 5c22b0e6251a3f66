// Manifest lists.
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "store/rows.h"
#include "store/state.h"
#include "store/store.h"

namespace bld::store {

using base::Error;

namespace {

constexpr std::size_t kShortestPrefix = 6;  // of an ID, as names may look like one

std::vector<ManifestList> read_lists(Query rows) {
  std::vector<ManifestList> lists;
  while (rows.next()) {
    lists.push_back({.id = rows.text(0),
                     .name = rows.text(1),
                     .document = rows.text(2),
                     .created_at = time_of(rows.integer(3))});
  }
  return lists;
}

std::optional<ManifestList> find_in(Session& session, std::string_view text) {
  for (const std::string& name : names_meant_by(text)) {
    auto found = read_lists(
        session.query("SELECT id, name, document, created_at FROM lists WHERE name = ?", name));
    if (!found.empty()) return found.front();
  }
  if (text.size() < kShortestPrefix ||
      text.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  auto found = read_lists(
      session.query("SELECT id, name, document, created_at FROM lists WHERE id >= ?1 AND id < ?1 "
                    "|| 'g' ORDER BY id LIMIT 2",
                    text));
  if (found.size() > 1) throw Error("{}: the beginning of more than one ID", text);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

}  // namespace

namespace {

void refuse_taken_name(Session& session, const std::string& name) {
  if (const auto other = find_in(session, name); other && other->name == name) {
    throw Error("{}: that name is already in use by the list {}", name, other->id);
  }
  if (session.query("SELECT 1 FROM names WHERE name = ?", name).next()) {
    throw Error("{}: that name is already in use by an image", name);
  }
}

}  // namespace

ManifestList Store::create_list(ManifestList list, TakenName taken) {
  if (list.id.empty()) list.id = base::random_id() + base::random_id();
  if (list.created_at == Time{}) list.created_at = now();
  (void)state_->lease();
  Session session(state_->database, SessionKind::kDurableWrite);
  if (taken == TakenName::kRefuse) {
    refuse_taken_name(session, list.name);
  } else {
    session.run("DELETE FROM lists WHERE name = ?", list.name);
    session.run("DELETE FROM names WHERE name = ?", list.name);
  }
  session.run("INSERT INTO lists (id, name, document, created_at) VALUES (?, ?, ?, ?)", list.id,
              list.name, list.document, seconds(list.created_at));
  session.commit();
  return list;
}

std::optional<ManifestList> Store::find_list(std::string_view text) {
  Session session(state_->database, SessionKind::kRead);
  return find_in(session, text);
}

std::vector<ManifestList> Store::lists() {
  Session session(state_->database, SessionKind::kRead);
  return read_lists(
      session.query("SELECT id, name, document, created_at FROM lists ORDER BY name"));
}

ManifestList Store::edit_list(std::string_view text,
                              const std::function<void(ManifestList&)>& edit) {
  (void)state_->lease();
  Session session(state_->database, SessionKind::kDurableWrite);
  auto list = find_in(session, text);
  if (!list) throw Error("{}: no manifest list of that name", text);
  edit(*list);
  session.run("UPDATE lists SET document = ? WHERE id = ?", list->document, list->id);
  session.commit();
  return *list;
}

bool Store::remove_list(std::string_view text) {
  (void)state_->lease();
  Session session(state_->database, SessionKind::kDurableWrite);
  const auto list = find_in(session, text);
  if (!list) return false;
  session.run("DELETE FROM lists WHERE id = ?", list->id);
  session.commit();
  return true;
}

}  // namespace bld::store
