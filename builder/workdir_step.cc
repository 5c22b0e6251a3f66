#include "builder/workdir_step.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/resolve_links.h"
#include "layers/tree_walk.h"
#include "runtime/passwd.h"

namespace bld::builder {

std::vector<layers::SourcedEntry> place_directory(const std::string& path, const std::string& user,
                                                  const base::RootedDir& below) {
  const ResolvedPath resolved = resolve_links(below, path);
  if (resolved.status && S_ISDIR(resolved.status->st_mode)) return {};
  const runtime::User owner = runtime::resolve_user(below, user).user;
  std::vector<layers::SourcedEntry> entries;
  std::string prefix;
  for (const std::string_view name : base::path_components(resolved.path)) {
    prefix += prefix.empty() ? "" : "/";
    prefix += name;
    layers::FileEntry entry;
    if (const auto status = below.lstat(prefix)) {
      if (!S_ISDIR(status->st_mode)) {
        throw base::Error("WORKDIR {}: \"/{}\" is not a folder", base::printable(path),
                          base::printable(prefix));
      }
      entry = layers::root_entry(below.open_dir(prefix, base::Resolve::kInRootNoLinks));
      entry.opaque = false;
    } else {
      entry.type = layers::FileEntry::Type::kDirectory;
      entry.mode = 0755;
      entry.uid = owner.uid;
      entry.gid = owner.gid;
    }
    entry.path = prefix;
    entries.push_back({std::move(entry), {}});
  }
  return entries;
}

}  // namespace bld::builder
