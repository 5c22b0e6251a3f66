// A context, an image and the layer that a COPY makes of them, as text.
#pragma once

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/rooted_dir.h"
#include "builder/copy_step.h"
#include "layers/entries_layer.h"
#include "tests/support/temp_dir.h"

namespace bld::builder {

class CopyFixture : public ::testing::Test {
 protected:
  using Lines = std::vector<std::string>;

  // Times are compared as set here, not as the clock has them.
  void touch(const std::filesystem::path& path, std::int64_t seconds) const {
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }

  void chmod(const std::filesystem::path& path, mode_t mode) const {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }

  void link(const std::string& target, const std::filesystem::path& path) const {
    std::filesystem::create_directories(path.parent_path());
    std::filesystem::create_symlink(target, path);
  }

  static CopyOperation copy(std::vector<std::string> sources, std::string destination) {
    CopyOperation operation;
    for (std::string& source : sources) operation.sources.emplace_back(std::move(source));
    operation.destination = std::move(destination);
    return operation;
  }

  Selection selected(const CopyOperation& operation) const {
    return select(operation, {.root = &context_root, .ignore = ignore ? &*ignore : nullptr});
  }

  std::vector<layers::SourcedEntry> placed(const CopyOperation& operation) const {
    return place(operation, selected(operation), DirectoryFiles(image_root), scratch_root);
  }

  // "d0755 a", "f0644 a/f=text", "l a/l->x", "h a/y==a/x", "p0644 a/p"; 1:2 where it is another's.
  Lines layer(const CopyOperation& operation) const {
    Lines lines;
    for (const auto& entry : placed(operation)) lines.push_back(describe(entry));
    return lines;
  }

  static std::string describe(const layers::SourcedEntry& sourced) {
    using Type = layers::FileEntry::Type;
    const layers::FileEntry& entry = sourced.entry;
    // What is carried over from `image` belongs to whoever runs the tests.
    const bool usual = (entry.uid == 0 && entry.gid == 0) ||
                       (entry.uid == ::geteuid() && entry.gid == ::getegid());
    const std::string owner = usual ? "" : fmt::format("({}:{})", entry.uid, entry.gid);
    switch (entry.type) {
      case Type::kDirectory:
        return fmt::format("d{:04o}{} {}", entry.mode, owner, entry.path);
      case Type::kFile:
        return fmt::format("f{:04o}{} {}={}", entry.mode, owner, entry.path, content_of(sourced));
      case Type::kSymlink:
        return fmt::format("l{} {}->{}", owner, entry.path, entry.link);
      case Type::kHardLink:
        return fmt::format("h {}=={}", entry.path, entry.link);
      case Type::kFifo:
        return fmt::format("p{:04o}{} {}", entry.mode, owner, entry.path);
      default:
        return fmt::format("? {}", entry.path);
    }
  }

  static std::string content_of(const layers::SourcedEntry& entry) {
    if (const auto* text = std::get_if<std::string>(&entry.content)) return *text;
    const auto* open = std::get_if<layers::ContentOpener>(&entry.content);
    return open != nullptr ? base::read_fd((*open)().get(), 1 << 20) : "";
  }

  // What select() or place() throws, with its hint.
  std::string error_of(const CopyOperation& operation) const {
    try {
      placed(operation);
    } catch (const base::Error& error) {
      return std::string(error.what()) + (error.hint().empty() ? "" : " (" + error.hint() + ")");
    }
    return "no error";
  }

  test::TempDir context, image, scratch;
  base::RootedDir context_root = base::RootedDir::open(context.path());
  base::RootedDir image_root = base::RootedDir::open(image.path());
  base::RootedDir scratch_root = base::RootedDir::open(scratch.path());
  std::optional<dockerfile::IgnoreFile> ignore;
};

}  // namespace bld::builder
