// os/architecture/variant: one spelling, and which image serves which machine.
#include "image/platform.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::image {
namespace {

TEST(Platform, ManySpellingsAreOnePlatform) {
  EXPECT_EQ(Platform::parse("linux/amd64").str(), "linux/amd64");
  EXPECT_EQ(Platform::parse("Linux/x86_64").str(), "linux/amd64");
  EXPECT_EQ(Platform::parse("linux/amd64/v1").str(), "linux/amd64");
  EXPECT_EQ(Platform::parse("linux/aarch64").str(), "linux/arm64");
  EXPECT_EQ(Platform::parse("linux/arm64/v8").str(), "linux/arm64");
  EXPECT_EQ(Platform::parse("linux/arm64/8").str(), "linux/arm64");
  EXPECT_EQ(Platform::parse("linux/arm").str(), "linux/arm/v7");
  EXPECT_EQ(Platform::parse("linux/armhf").str(), "linux/arm/v7");
  EXPECT_EQ(Platform::parse("linux/armel").str(), "linux/arm/v6");
  EXPECT_EQ(Platform::parse("linux/arm/6").str(), "linux/arm/v6");
  EXPECT_EQ(Platform::parse("linux/i686").str(), "linux/386");
}

TEST(Platform, OneWordIsCompletedByThisMachine) {
  EXPECT_EQ(Platform::parse("linux"), Platform::host());
  EXPECT_EQ(Platform::parse("riscv64").str(), "linux/riscv64");
  EXPECT_EQ(Platform::parse("windows").os, "windows");
  EXPECT_EQ(Platform::parse("windows").architecture, Platform::host().architecture);
}

TEST(Platform, NothingElseIsOne) {
  for (const char* text :
       {"", "/", "linux/", "/amd64", "linux/amd64/v2/x", "linux/vax", "plan9/amd64", "toaster",
        "linux/amd64,linux/arm64", "linux amd64", "linux/../etc"}) {
    EXPECT_THROW(Platform::parse(text), base::Error) << text;
  }
}

TEST(Platform, NormalizingTwiceChangesNothing) {
  for (const char* text : {"linux/arm", "linux/armel", "linux/arm64/v8", "macos/x86-64"}) {
    EXPECT_EQ(normalized(Platform::parse(text)), Platform::parse(text));
  }
}

TEST(Match, OlderVariantsRunOnNewerMachines) {
  const Platform v7 = Platform::parse("linux/arm/v7");
  const Platform v6 = Platform::parse("linux/arm/v6");
  const Platform v5 = Platform::parse("linux/arm/v5");
  EXPECT_GT(match(v7, v7), match(v6, v7));
  EXPECT_GT(match(v6, v7), match(v5, v7));
  EXPECT_GT(match(v5, v7), 0);
  EXPECT_EQ(match(v7, v6), 0);
  EXPECT_EQ(match(Platform::parse("linux/amd64"), Platform::parse("linux/386")), 0);
  EXPECT_EQ(match(Platform::parse("windows/amd64"), Platform::parse("linux/amd64")), 0);
}

}  // namespace
}  // namespace bld::image
