#include "builder/source_layer.h"

#include "base/error.h"
#include "builder/copy_selection.h"
#include "builder/copy_step.h"
#include "layers/compression.h"
#include "layers/entries_layer.h"

namespace bld::builder {

void write_source_layer(const std::filesystem::path& path, const base::RootedDir& scratch,
                        base::ByteSink& sink) {
  CopyOperation operation;
  operation.sources.emplace_back(literal_pattern(std::filesystem::canonical(path).string()));
  operation.destination = "/";
  const base::RootedDir here = base::RootedDir::open("/");
  const Selection selection =
      select(operation, {.root = &here, .ignore = nullptr, .digests = nullptr});
  const auto entries = place(operation, selection, DirectoryFiles(scratch), scratch);
  const auto compressed = layers::compress(sink, {.compression = layers::Compression::kGzip});
  layers::write_entries_as_tar(entries, compressed.get());
  compressed->finish();
}

}  // namespace bld::builder
