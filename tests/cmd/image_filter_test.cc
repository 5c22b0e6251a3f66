#include "cmd/image_filter.h"

#include <gtest/gtest.h>

namespace bld::cmd {
namespace {

TEST(ImageFilter, NamesMatchWithAndWithoutRegistryAndTag) {
  const std::string name = "docker.io/library/alpine:3.20";
  for (const char* pattern : {"alpine", "alpine:3.20", "library/alpine", "docker.io/library/alpine",
                              "docker.io/library/alpine:3.20", "alp*", "*/alpine", "alpine:*"}) {
    EXPECT_TRUE(name_matches(name, pattern)) << pattern;
  }
  for (const char* pattern : {"alpin", "alpine:3", "pine", "docker.io/*", "3.20"}) {
    EXPECT_FALSE(name_matches(name, pattern)) << pattern;
  }
}

TEST(ImageFilter, APortIsNoTag) {
  EXPECT_TRUE(name_matches("localhost:5000/app:1", "app"));
  EXPECT_TRUE(name_matches("localhost:5000/app:1", "localhost:5000/app"));
}

}  // namespace
}  // namespace bld::cmd
