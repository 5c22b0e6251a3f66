// The archives that ADD unpacks: tar, as it is or in gzip, bzip2, xz or zstd.
#pragma once

#include <cstdint>
#include <optional>

#include "base/rooted_dir.h"

namespace bld::layers {

// Whether the regular file `fd` is such an archive, by its contents alone. An empty file is none.
// The read position stays.
bool is_archive(int fd);

struct ExtractOptions {
  std::optional<std::uint32_t> uid, gid;   // instead of the archive's
  std::optional<std::int64_t> max_mtime;   // later times become this one
  std::uint64_t reserve_bytes = 64 << 20;  // must stay free
};

// Unpacks the archive `fd`, from its beginning, below `destination`. Directories that are there are
// kept and take the archive's mode and owner; anything else that is in the way is replaced. Names
// of whiteouts have no meaning, devices are skipped, the archive's root entry is ignored. Nothing
// outside of `destination` is touched, and no link in it is followed. Returns the number of
// entries.
std::uint64_t extract_archive(int fd, const base::RootedDir& destination,
                              const ExtractOptions& options = {});

}  // namespace bld::layers
