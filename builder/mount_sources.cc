#include "builder/mount_sources.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/copy_step.h"
#include "builder/existing_files.h"
#include "layers/entries_layer.h"
#include "layers/squash.h"

namespace bld::builder {

std::filesystem::path filtered_copy(const Context& context, const std::string& source,
                                    std::string& subpath, store::Store& store) {
  CopyOperation operation;
  operation.sources.emplace_back(source.empty() ? std::string("/") : source);
  operation.destination = "/";
  const Selection selection =
      select(operation, {.root = &context.root(), .ignore = &context.ignore()});
  const base::RootedDir nothing = base::RootedDir::open(store.make_temp_dir());
  const std::filesystem::path copy = store.make_temp_dir();
  layers::write_entries_as_tree(place(operation, selection, DirectoryFiles(nothing), nothing),
                                base::RootedDir::open(copy));
  const auto status = context.root().stat(source);
  subpath = status && S_ISDIR(status->st_mode) ? "" : base::split_path(source).name;
  return copy;
}

std::filesystem::path copy_of_folder(const std::vector<std::filesystem::path>& trees,
                                     const std::string& folder, const Services& services) {
  const RootView files = services.roots.look_into(trees);
  const auto found = files.root().find_dir(folder);
  if (!found) throw base::Error("\"{}\": no such folder there", base::printable(folder));
  std::filesystem::path copy = services.store.make_temp_dir();
  const base::RootedDir* source[] = {&*found};
  layers::squash(source, base::RootedDir::open(copy),
                 {.keep_whiteouts = false, .hard_links = false});
  return copy;
}

}  // namespace bld::builder
