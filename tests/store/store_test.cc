#include "store/store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <chrono>

#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::error_of;
using test::open_store;
using test::TempDir;
namespace fs = std::filesystem;

TEST(StoreOpen, MakesPrivateDirectories) {
  const TempDir temp;
  const fs::path root = temp / "a/b/store";
  open_store(root);
  for (const char* name : {"", "blobs", "blobs/sha256", "trees", "cache", "containers", "tmp"}) {
    struct stat info {};

    ASSERT_EQ(::stat((root / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 07777, 0700U) << name;
  }

  struct stat info {};

  ASSERT_EQ(::stat((root / "store.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(test::entries_in(root / "tmp"), 0U);
}

TEST(StoreOpen, OnExt4EachSessionBeginsInAnotherGroup) {
  const TempDir temp;
  open_store(temp / "store");
  const base::UniqueFd tmp(::open((temp / "store/tmp").c_str(), O_RDONLY | O_DIRECTORY));

  struct statfs type {};

  ASSERT_EQ(::fstatfs(tmp.get(), &type), 0);
  if (type.f_type != EXT4_SUPER_MAGIC) GTEST_SKIP() << "no ext4 here";
  int flags = 0;
  ASSERT_EQ(::ioctl(tmp.get(), FS_IOC_GETFLAGS, &flags), 0);
  EXPECT_NE(flags & FS_TOPDIR_FL, 0);
}

TEST(StoreOpen, RefusesOneThatOthersMayEnter) {
  const TempDir temp;
  open_store(temp / "store");
  fs::permissions(temp / "store", fs::perms(0755));
  EXPECT_NE(error_of([&] { open_store(temp / "store"); }).find("open to other users"),
            std::string::npos);
}

TEST(StoreOpen, TakesAnEmptyDirectoryAndClosesIt) {
  const TempDir temp;
  fs::create_directory(temp / "store");
  fs::permissions(temp / "store", fs::perms(0755));
  open_store(temp / "store");
  EXPECT_EQ(fs::status(temp / "store").permissions(), fs::perms(0700));
}

TEST(StoreOpen, ADamagedDatabaseIsAnErrorAndStays) {
  const TempDir temp;
  open_store(temp / "store");
  const fs::path database = temp / "store/store.db";
  for (const std::string& text : {std::string(), std::string(8192, 'x')}) {
    fs::remove(database.string() + "-wal");
    fs::remove(database.string() + "-shm");
    test::write_text(database, text);
    const std::string error = error_of([&] { open_store(temp / "store"); });
    EXPECT_NE(error.find("damaged"), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos);
    EXPECT_EQ(fs::file_size(database), text.size());
  }
}

TEST(StoreOpen, AMissingDatabaseBesideContentIsAnError) {
  const TempDir temp;
  {
    Store store = open_store(temp / "store");
    test::store_image(store, "text", {"a"});
  }
  fs::remove(temp / "store/store.db");
  EXPECT_NE(error_of([&] { open_store(temp / "store"); }).find("store.db is missing"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(temp / "store/store.db"));
}

TEST(StoreOpen, ANewerVersionIsAnError) {
  const TempDir temp;
  open_store(temp / "store");
  // Bytes 60 to 63 of the header are the user version, big endian.
  std::fstream file(temp / "store/store.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(63);
  file.put(77);
  file.close();
  const std::string error = error_of([&] { open_store(temp / "store"); });
  EXPECT_NE(error.find("newer bld (version 77"), std::string::npos) << error;
}

TEST(StoreOpen, ReadOnlyReadsAndRefusesToWrite) {
  const TempDir temp;
  {
    Store store = open_store(temp / "store");
    test::store_image(store, "text", {"a"});
  }
  Store store = open_store(temp / "store", Access::kReadOnly);
  const std::optional<ImageRecord> image = store.find_image("a");
  ASSERT_TRUE(image);
  EXPECT_EQ(store.read_config(image->config_digest).author, "text");
  const std::string error = error_of([&] { store.begin(); });
  EXPECT_NE(error.find("for reading only"), std::string::npos) << error;
  EXPECT_NE(error_of([&] { store.remove_image("a", Store::Force::kNo); }), "");
  EXPECT_EQ(test::entries_in(temp / "store/tmp"), 0U);
}

TEST(StoreOpen, ReadOnlyDoesNotMakeAStore) {
  const TempDir temp;
  EXPECT_NE(error_of([&] { open_store(temp / "store", Access::kReadOnly); }), "");
  EXPECT_FALSE(fs::exists(temp / "store"));
}

TEST(StoreOpen, AnExistingOneOpensInTwoMilliseconds) {
  const TempDir temp;
  {
    Store store = open_store(temp / "store");
    std::vector<StepRecord> steps(3000);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      steps[i].key = "key " + std::to_string(i);
      steps[i].ingredients = std::string(200, 'x');
    }
    store.put_steps(steps);
  }
  auto best = std::chrono::microseconds::max();
  for (int i = 0; i < 10; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    { const Store store = open_store(temp / "store"); }
    best = std::min(best, std::chrono::duration_cast<std::chrono::microseconds>(
                              std::chrono::steady_clock::now() - begin));
  }
  RecordProperty("microseconds", static_cast<int>(best.count()));
  // Leaves room for sanitizers and busy machines.
  EXPECT_LT(best, std::chrono::milliseconds(20));
}

TEST(MountPoints, AreMadeOnceWhateverTheUmask) {
  const TempDir temp;
  const fs::path root = temp / "store";
  const mode_t before = ::umask(077);
  const fs::path points = open_store(root).mount_points();
  ::umask(before);
  EXPECT_EQ(points, root / "mount-points");
  for (const char* name : {"", "proc", "sys", "dev", "etc"}) {
    EXPECT_EQ(fs::status(points / name).permissions(), fs::perms(0755)) << name;
  }
  for (const char* name : {"hosts", "hostname", "resolv.conf"}) {
    EXPECT_EQ(fs::status(points / "etc" / name).permissions(), fs::perms(0644)) << name;
    EXPECT_EQ(fs::file_size(points / "etc" / name), 0U) << name;
  }

  struct stat first {
  }, second{};

  ASSERT_EQ(::stat(points.c_str(), &first), 0);
  Store store = open_store(root);
  EXPECT_EQ(store.mount_points(), points);
  ASSERT_EQ(::stat(points.c_str(), &second), 0);
  EXPECT_EQ(first.st_ino, second.st_ino);
  store.gc();
  EXPECT_TRUE(fs::exists(points / "etc/hosts"));
}

TEST(CacheDir, AnyTextIsAPlainDirectory) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  const fs::path path = store.cache_dir("../../etc");
  EXPECT_EQ(path.parent_path(), temp / "store/cache");
  EXPECT_TRUE(fs::is_directory(path));
  EXPECT_EQ(store.cache_dir("../../etc"), path);
  EXPECT_NE(store.cache_dir(""), path);
}

}  // namespace
}  // namespace bld::store
