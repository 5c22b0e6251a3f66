#include "base/file_io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace bld::base {
namespace {

TEST(FileIo, ReadFileRefusesWhatIsTooLong) {
  const test::TempDir temp;
  const auto file = temp.write("f", "12345");
  EXPECT_EQ(read_file(file, 5), "12345");
  EXPECT_THROW(read_file(file, 4), Error);
}

TEST(FileIo, AtomicWriteReplacesAndLeavesNothingBeside) {
  const test::TempDir temp;
  const auto file = temp.write("f", "old");
  write_file_atomically(file, "new", 0600);
  EXPECT_EQ(read_file(file, 100), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temp.path()), {}), 1);
}

TEST(FileIo, CopyKeepsHolesAndContent) {
  const test::TempDir temp;
  const UniqueFd from(::open((temp / "a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::pwrite(from.get(), "head", 4, 0), 4);
  ASSERT_EQ(::pwrite(from.get(), "tail", 4, 64 << 20), 4);
  const UniqueFd to(::open((temp / "b").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(copy_contents(from.get(), to.get()), (64U << 20) + 4);
  struct stat status;
  ASSERT_EQ(::fstat(to.get(), &status), 0);
  EXPECT_EQ(status.st_size, (64 << 20) + 4);
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
  char tail[4];
  ASSERT_EQ(::pread(to.get(), tail, 4, 64 << 20), 4);
  EXPECT_EQ(std::string(tail, 4), "tail");
}

TEST(FileLock, ExclusiveExcludesAndEndsWithTheObject) {
  const test::TempDir temp;
  const auto path = temp / "lock";
  {
    const auto held = FileLock::attempt(path, FileLock::Mode::kExclusive);
    ASSERT_TRUE(held);
    EXPECT_FALSE(FileLock::attempt(path, FileLock::Mode::kShared));
  }
  EXPECT_TRUE(FileLock::attempt(path, FileLock::Mode::kShared));
}

}  // namespace
}  // namespace bld::base
