#include "builder/context.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/error.h"
#include "tests/support/temp_dir.h"

namespace bld::builder {
namespace {

TEST(ContextOpen, PrefersTheFileBesideTheContainerfile) {
  const test::TempDir dir;
  dir.write("ctx/.dockerignore", "general\n");
  dir.write("ctx/build/web.Containerfile", "FROM scratch\n");
  const auto open = [&] {
    return Context::open(dir / "ctx", std::nullopt, dir / "ctx/build/web.Containerfile");
  };
  EXPECT_TRUE(open().ignore().ignored("general"));
  dir.write("ctx/.containerignore", "general2\n");
  EXPECT_TRUE(open().ignore().ignored("general2"));
  dir.write("ctx/build/web.Containerfile.dockerignore", "special\n");
  EXPECT_TRUE(open().ignore().ignored("special"));
  EXPECT_FALSE(open().ignore().ignored("general2"));
  dir.write("ctx/build/web.Containerfile.containerignore", "special2\n");
  EXPECT_TRUE(open().ignore().ignored("special2"));
  dir.write("chosen", "mine\n");
  const Context chosen =
      Context::open(dir / "ctx", dir / "chosen", dir / "ctx/build/web.Containerfile");
  EXPECT_TRUE(chosen.ignore().ignored("mine"));
  EXPECT_FALSE(chosen.ignore().ignored("special2"));
}

TEST(ContextOpen, NamesWhatIsMissingOrMalformed) {
  const test::TempDir dir;
  const auto error_of = [&](const auto& ignore_file) -> std::string {
    try {
      Context::open(dir.path(), ignore_file, "");
    } catch (const base::Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(error_of(std::optional(dir / "gone")).find("gone"), std::string::npos);
  EXPECT_EQ(error_of(std::optional<std::filesystem::path>()), "no error");
  dir.write(".dockerignore", "a[b\n");
  EXPECT_NE(error_of(std::optional<std::filesystem::path>()).find("a[b"), std::string::npos);
}

TEST(ContextOpen, AFifoAsIgnoreFileDoesNotBlock) {
  const test::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / ".dockerignore").c_str(), 0644), 0);
  EXPECT_THROW(Context::open(dir.path(), std::nullopt, ""), base::Error);
}

class FileDigestsTest : public ::testing::Test {
 protected:
  ContentRequest request(const std::string& name) const { return {root.lstat(name).value(), name}; }

  base::Sha256Value digest(const std::string& name) {
    FileDigests digests(store);
    const auto result = digests.of_all(root, {request(name)});
    digests.save();
    return result.at(0);
  }

  test::TempDir dir, store_dir;
  base::RootedDir root = base::RootedDir::open(dir.path());
  store::Store store = store::Store::open({.root = store_dir / "store"});
};

TEST_F(FileDigestsTest, AreThoseOfTheContents) {
  dir.write("a", "hello\n");
  dir.write("empty", "");
  FileDigests digests(store);
  const auto result = digests.of_all(root, {request("a"), request("empty"), request("a")});
  EXPECT_EQ(result.at(0), base::Sha256::of(base::as_bytes("hello\n")));
  EXPECT_EQ(result.at(1), base::Sha256::of({}));
  EXPECT_EQ(result.at(2), result.at(0));
}

TEST_F(FileDigestsTest, AFileThatChangedJustNowIsNotRemembered) {
  dir.write("a", "one");
  const ContentRequest before = request("a");
  EXPECT_EQ(digest("a"), base::Sha256::of(base::as_bytes("one")));
  const store::FileStamp stamp = {
      .device = before.status.st_dev,
      .inode = before.status.st_ino,
      .size_bytes = 3,
      .mtime_ns = before.status.st_mtim.tv_sec * 1'000'000'000 + before.status.st_mtim.tv_nsec,
      .ctime_ns = before.status.st_ctim.tv_sec * 1'000'000'000 + before.status.st_ctim.tv_nsec};
  EXPECT_FALSE(store.lookup_file_digests({{stamp}}).at(0).has_value());
}

TEST_F(FileDigestsTest, WhatWasRememberedIsNotReadAgain) {
  dir.write("a", "one");
  const ContentRequest before = request("a");
  const auto nanoseconds = [](const struct timespec& time) {
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  };
  const base::Sha256Value remembered = base::Sha256::of(base::as_bytes("something else"));
  const store::FileDigest record = {{.device = before.status.st_dev,
                                     .inode = before.status.st_ino,
                                     .size_bytes = 3,
                                     .mtime_ns = nanoseconds(before.status.st_mtim),
                                     .ctime_ns = nanoseconds(before.status.st_ctim)},
                                    remembered};
  store.remember_file_digests({{record}});
  EXPECT_EQ(digest("a"), remembered);
  dir.write("a", "two");
  EXPECT_EQ(digest("a"), base::Sha256::of(base::as_bytes("two")));
}

TEST_F(FileDigestsTest, AnUnreadableKindOfFileIsAnErrorFromAnyThread) {
  std::vector<ContentRequest> requests;
  for (int i = 0; i < 40; ++i) {
    dir.write("f" + std::to_string(i), "x");
    requests.push_back(request("f" + std::to_string(i)));
  }
  std::filesystem::remove(dir / "f20");
  ASSERT_EQ(::mkfifo((dir / "f20").c_str(), 0644), 0);
  FileDigests digests(store);
  EXPECT_THROW(digests.of_all(root, requests), base::Error);
}

}  // namespace
}  // namespace bld::builder
