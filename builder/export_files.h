// The files of an image outside of the store: as a tar, or in a directory.
//
// Both leave out what no tree of the store has: device nodes and sockets. Times are whole seconds.
// The root directory itself is the receiver's and stays as it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"
#include "builder/output.h"

namespace bld::builder {

// The time that a file gets, in seconds since 1970, from its path and the time that it has.
using TimeOf = std::function<std::int64_t(const std::string& path, std::int64_t mtime)>;

// The same files give the same bytes.
void export_tar(const base::RootedDir& files, const TimeOf& time_of, base::ByteSink& sink,
                const std::stop_token& stop);

// Into `target`, which may have files already: what has the name of a file of the image is
// replaced, directories are merged. Nothing is written outside of `target`, whatever links are in
// the image or were there before.
void export_directory(const base::RootedDir& files, const TimeOf& time_of, FileOwners owners,
                      const base::RootedDir& target, const std::stop_token& stop);

}  // namespace bld::builder
