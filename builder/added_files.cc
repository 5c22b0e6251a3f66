#include "builder/added_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "builder/copy_selection.h"
#include "builder/copy_step.h"
#include "layers/entries_layer.h"

namespace bld::builder {

namespace {

namespace fs = std::filesystem;

CopyOperation operation_of(const AddedFile& file) {
  const fs::path source = fs::absolute(file.source);
  struct stat status = {};
  if (::stat(source.c_str(), &status) != 0) throw base::Error::sys("stat", file.source);
  if (!S_ISREG(status.st_mode)) {
    throw base::Error("--add-file: {} is no regular file", base::printable(file.source))
        .hint("bld copy and bld add bring directories into the container");
  }
  CopyOperation operation;
  operation.sources.emplace_back(literal_pattern(fs::canonical(source).string()));
  operation.destination =
      base::clean_absolute(file.destination.empty() ? source.string() : file.destination);
  operation.chmod = "0644";
  return operation;
}

}  // namespace

std::optional<AddedFiles> add_files(const std::vector<AddedFile>& files,
                                    const WorkingContainer& container, store::Store& store,
                                    Roots& roots) {
  if (files.empty()) return std::nullopt;
  std::vector<fs::path> lower = base_of(container).trees(store);
  lower.insert(lower.begin(), store.container_dir(container.record.id) / "upper");
  const RootView there = roots.look_into(lower);
  const base::RootedDir here = base::RootedDir::open("/");
  AddedFiles added{store.new_tree(), {}};
  const base::RootedDir target = base::RootedDir::open(added.tree.fs());
  for (const AddedFile& file : files) {
    const CopyOperation operation = operation_of(file);
    const Selection selection =
        select(operation, {.root = &here, .ignore = nullptr, .digests = nullptr});
    const base::RootedDir scratch = base::RootedDir::open(store.make_temp_dir());
    layers::write_entries_upon(place(operation, selection, DirectoryFiles(there.root()), scratch),
                               target);
    added.history.push_back("/bin/sh -c #(nop) ADD file:" + base::to_hex(selection.digest()) +
                            " in " + operation.destination);
  }
  return added;
}

}  // namespace bld::builder
