#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace bld::base {
namespace {

TEST(Error, ContextReadsOutermostFirst) {
  Error error = Error::sys("mount", "overlay", EINVAL);
  error.add_context("mounting the root filesystem").add_context("Containerfile:7");
  EXPECT_STREQ(error.what(),
               "Containerfile:7: mounting the root filesystem: mount overlay: invalid argument");
  EXPECT_EQ(error.message(), "mount overlay: invalid argument");
  EXPECT_EQ(error.error_number(), EINVAL);
}

TEST(Error, KeepsTheInnermostPosition) {
  Error error("unknown instruction {}", "COPPY");
  error.at({"Containerfile", 3, 1, 5, "COPPY a b"}).at({"Containerfile", 9, 0, 0, ""});
  ASSERT_TRUE(error.position());
  EXPECT_EQ(error.position()->line, 3);
}

}  // namespace
}  // namespace bld::base
