#include "cmd/volume_flag.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::cmd {
namespace {

TEST(VolumeFlag, OptionsAreRead) {
  const auto plain = parse_volume("/a:/b");
  EXPECT_EQ(plain.host, "/a");
  EXPECT_EQ(plain.container, "/b");
  EXPECT_FALSE(plain.read_only || plain.discard_changes || plain.change_owner);
  EXPECT_TRUE(plain.recursive);
  EXPECT_TRUE(parse_volume("/a:/b:ro").read_only);
  EXPECT_TRUE(parse_volume("/a:/b:O").discard_changes);
  const auto several = parse_volume("/a:/b:U,bind,nosuid,noexec,rprivate");
  EXPECT_TRUE(several.change_owner && several.nosuid && several.noexec);
  EXPECT_FALSE(several.recursive);
  EXPECT_TRUE(parse_volume("/a:/b:dev").dev);
}

TEST(VolumeFlag, WhatMakesNoSenseIsAnError) {
  for (const char* text :
       {"/a", "a:/b", "/a:b", "/a:/b:ro:rw", "/a:/b:shared", "/a:/b:fast", "/a:/b:O,ro"}) {
    EXPECT_THROW(parse_volume(text), base::Error) << text;
  }
}

TEST(TmpfsFlag, OptionsAreRead) {
  EXPECT_EQ(parse_tmpfs("/t").target, "/t");
  const auto tmpfs = parse_tmpfs("/t:size=1m,mode=700,ro");
  EXPECT_EQ(tmpfs.size_bytes, 1U << 20);
  EXPECT_EQ(tmpfs.mode, 0700U);
  EXPECT_TRUE(tmpfs.read_only);
  const auto owned = parse_tmpfs("/t:uid=1,gid=2,noexec,nosuid,nodev");
  EXPECT_TRUE(owned.uid == 1 && owned.gid == 2 && owned.noexec);
  for (const char* text :
       {"t", "/t:mode=9", "/t:exec=1", "/t:size=x", "/t:a:b", "/t:uid=4294967295"}) {
    EXPECT_THROW(parse_tmpfs(text), base::Error) << text;
  }
}

}  // namespace
}  // namespace bld::cmd
