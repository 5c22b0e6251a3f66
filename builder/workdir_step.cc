#include "builder/workdir_step.h"

#include "base/error.h"
#include "base/text.h"
#include "builder/resolve_links.h"
#include "runtime/passwd.h"

namespace bld::builder {

std::vector<layers::SourcedEntry> place_directory(const std::string& path, const std::string& user,
                                                  const ExistingFiles& below) {
  constexpr auto kDirectory = layers::FileEntry::Type::kDirectory;
  const ResolvedFile resolved = resolve_links(below, path);
  if (resolved.file && resolved.file->type == kDirectory) return {};
  const runtime::User owner = runtime::resolve_user(user_files(below), user).user;
  std::vector<layers::SourcedEntry> entries;
  std::string prefix;
  for (const std::string_view name : base::path_components(resolved.path)) {
    prefix += prefix.empty() ? "" : "/";
    prefix += name;
    layers::FileEntry entry;
    if (auto there = below.find(prefix)) {
      if (there->type != kDirectory) {
        throw base::Error("WORKDIR {}: \"/{}\" is not a folder", base::printable(path),
                          base::printable(prefix));
      }
      entry = std::move(*there);
    } else {
      entry.type = kDirectory;
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
