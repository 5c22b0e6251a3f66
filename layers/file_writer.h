// Single files made by descriptor: the steps that extraction, COPY and squash have in common.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/unique_fd.h"
#include "layers/file_entry.h"

namespace bld::layers {

bool is_device(const FileEntry& entry);

// A new regular file, open for writing; fails where the name is taken. errno on -1.
base::UniqueFd create_file(int directory, const std::string& name, const FileEntry& entry);

// Owner, mode, xattrs and time of an open file or directory, in the order in which none undoes
// another: changing the owner clears set-id bits and capabilities. Contents come before.
// `status` is what the file looks like now.
void set_metadata(int fd, const struct stat& status, const FileEntry& entry);
void set_metadata(int fd, const FileEntry& entry);

void set_times(int fd, std::int64_t seconds, std::uint32_t nanoseconds);

// A symlink, fifo or whiteout with owner and time; false where the name is taken.
bool create_special(int directory, const std::string& name, const FileEntry& entry);

// In overlay format, or in marks of our own where the file system keeps that format for itself: an
// overlay lets nobody make whiteouts, and no opaque directories if it is mounted with userxattr. No
// overlay mount that takes changes can stand on such a file system, so none ever meets the marks.
inline constexpr const char* kWhiteoutMark = "user.bld.overlay.whiteout";  // of an empty file
inline constexpr const char* kOpaqueMark = "user.bld.overlay.opaque";

void make_opaque(int directory);
void make_not_opaque(int directory);

// Nothing where the name does not exist.
bool stat_name(int directory, const std::string& name, struct stat& status);
// `status` is what the name looks like.
bool is_whiteout(int directory, const std::string& name, const struct stat& status);

// Removes whatever has the name, with all below it; no link is followed.
void remove_name(int directory, const std::string& name);

}  // namespace bld::layers
