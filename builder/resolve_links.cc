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

}  // namespace

// Each component is looked up by the kernel, below the root and following nothing. Someone who
// changes the tree meanwhile makes the answer wrong, but can not make it lead out.
ResolvedPath resolve_links(const base::RootedDir& root, std::string_view path) {
  ResolvedPath result;
  std::deque<std::string> rest;
  push_front(rest, path);
  result.status = root.stat("");
  for (int links = 0; !rest.empty();) {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == "..") {
      result.path = base::split_path(result.path).parent;
      result.status = root.lstat(result.path);
      continue;
    }
    std::string next = result.path;
    append(next, name);
    const auto status = result.status ? root.lstat(next) : std::nullopt;
    if (!status || !S_ISLNK(status->st_mode)) {
      result.path = std::move(next);
      result.status = status;
      continue;
    }
    if (++links > kMaxLinks) throw base::Error::sys("resolve", base::printable(path), ELOOP);
    const base::RootedDir parent = root.open_dir(result.path, base::Resolve::kInRootNoLinks);
    const std::string target = parent.read_link(name);
    push_front(rest, target);
    if (target.starts_with('/')) {
      result.path.clear();
      result.status = root.stat("");
    }
  }
  return result;
}

}  // namespace bld::builder
