#include "builder/resolve_links.h"

#include <cerrno>
#include <deque>

#include "base/error.h"
#include "base/text.h"

namespace bld::builder {

namespace {

constexpr int kMaxLinks = 255;  // as Go's path resolution; the kernel's own limit is 40

void append(std::string& path, std::string_view name) {
  if (!path.empty()) path += '/';
  path += name;
}

void push_front(std::deque<std::string>& rest, std::string_view path) {
  const auto components = base::path_components(path);
  rest.insert(rest.begin(), components.begin(), components.end());
}

// `look` gives what has a path, if anything; `link_text` the text of what was found if it is a
// link, else nothing. Returns the path; `found` is what is there.
template <typename Found, typename Look, typename LinkText>
std::string follow(std::string_view path, std::optional<Found>& found, const Look& look,
                   const LinkText& link_text) {
  std::string result;
  std::deque<std::string> rest;
  push_front(rest, path);
  found = look("");
  for (int links = 0; !rest.empty();) {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == "..") {
      result = base::split_path(result).parent;
      found = look(result);
      continue;
    }
    std::string next = result;
    append(next, name);
    std::optional<Found> there;
    if (found) there = look(next);
    const std::optional<std::string> target =
        there ? link_text(result, name, *there) : std::nullopt;
    if (!target) {
      result = std::move(next);
      found = std::move(there);
      continue;
    }
    if (++links > kMaxLinks) throw base::Error::sys("resolve", base::printable(path), ELOOP);
    push_front(rest, *target);
    if (target->starts_with('/')) {
      result.clear();
      found = look("");
    }
  }
  return result;
}

}  // namespace

// Each component is looked up by the kernel, below the root and following nothing. Someone who
// changes the tree meanwhile makes the answer wrong, but can not make it lead out.
ResolvedPath resolve_links(const base::RootedDir& root, std::string_view path) {
  ResolvedPath result;
  result.path = follow(
      path, result.status, [&](const std::string& name) { return root.lstat(name); },
      [&](const std::string& folder, const std::string& name,
          const struct stat& status) -> std::optional<std::string> {
        if (!S_ISLNK(status.st_mode)) return std::nullopt;
        return root.open_dir(folder, base::Resolve::kInRootNoLinks).read_link(name);
      });
  return result;
}

ResolvedFile resolve_links(const ExistingFiles& files, std::string_view path) {
  ResolvedFile result;
  result.path = follow(
      path, result.file, [&](const std::string& name) { return files.find(name); },
      [](const std::string&, const std::string&,
         const layers::FileEntry& file) -> std::optional<std::string> {
        if (file.type != layers::FileEntry::Type::kSymlink) return std::nullopt;
        return file.link;
      });
  return result;
}

}  // namespace bld::builder
