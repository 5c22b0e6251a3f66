#include "dockerfile/run_mount.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::dockerfile {
namespace {

std::string hint_of(std::string_view text) {
  try {
    parse_run_mount(text);
  } catch (const base::Error& error) {
    return error.hint();
  }
  return "no error";
}

TEST(RunMount, BindIsTheDefaultAndReadOnly) {
  const RunMount mount = parse_run_mount("src=lib,dst=/l,from=build");
  EXPECT_EQ(mount.type, RunMount::Type::kBind);
  EXPECT_EQ(mount.source, "lib");
  EXPECT_EQ(mount.target, "/l");
  EXPECT_EQ(mount.from, "build");
  EXPECT_TRUE(mount.read_only);
  EXPECT_FALSE(parse_run_mount("target=/l,rw").read_only);
  EXPECT_FALSE(parse_run_mount("target=/l,readwrite=true").read_only);
  EXPECT_FALSE(parse_run_mount("target=/l,ro=0").read_only);
}

TEST(RunMount, CacheHasOwnerAndSharing) {
  const RunMount mount =
      parse_run_mount("TYPE=Cache,target=/c,id=k,sharing=LOCKED,mode=0700,uid=3,gid=4,ro");
  EXPECT_EQ(mount.type, RunMount::Type::kCache);
  EXPECT_EQ(mount.id, "k");
  EXPECT_EQ(mount.sharing, RunMount::Sharing::kLocked);
  EXPECT_EQ(mount.mode, 0700U);
  EXPECT_EQ(mount.uid, 3U);
  EXPECT_EQ(mount.gid, 4U);
  EXPECT_TRUE(mount.read_only);
  EXPECT_FALSE(parse_run_mount("type=cache,target=/c").read_only);
}

TEST(RunMount, TmpfsHasASize) {
  EXPECT_EQ(parse_run_mount("type=tmpfs,target=/t,size=2m").size_bytes, 2U << 20);
  EXPECT_EQ(parse_run_mount("type=tmpfs,target=/t,size=5").size_bytes, 5U);
  EXPECT_EQ(parse_run_mount("type=tmpfs,target=/t,tmpfs-size=1KiB").size_bytes, 1024U);
  EXPECT_THROW(parse_run_mount("type=tmpfs,target=/t,size=many"), base::Error);
  EXPECT_THROW(parse_run_mount("type=tmpfs,target=/t,size=99999999999p"), base::Error);
}

TEST(RunMount, SecretsAndSshMayBeRequired) {
  const RunMount secret = parse_run_mount("type=secret,id=token,env=TOKEN,required,mode=0440");
  EXPECT_EQ(secret.id, "token");
  EXPECT_EQ(secret.env, "TOKEN");
  EXPECT_TRUE(secret.required);
  EXPECT_EQ(parse_run_mount("type=secret,src=token").id, "token");
  EXPECT_FALSE(parse_run_mount("type=ssh,required=false").required);
  EXPECT_THROW(parse_run_mount("type=secret"), base::Error);
}

TEST(RunMount, FieldsAreCsv) {
  EXPECT_EQ(parse_run_mount("\"target=/a,b\",\"source=say \"\"x\"\"\"").target, "/a,b");
  EXPECT_EQ(parse_run_mount("target=/t,\"source=say \"\"x\"\"\"").source, "say \"x\"");
  for (const char* bad : {"\"target=/a", "target=\"/a\"", "\"target=/a\"x"}) {
    EXPECT_THROW(parse_run_mount(bad), base::Error) << bad;
  }
}

TEST(RunMount, OptionsOfBuildahAreKnown) {
  const RunMount mount = parse_run_mount("target=/t,Z,U,nosuid,bind-propagation=rslave,rbind");
  EXPECT_EQ(mount.relabel, "private");
  EXPECT_TRUE(mount.chown_to_user);
  EXPECT_TRUE(mount.nosuid);
  EXPECT_EQ(mount.bind_propagation, "rslave");
  EXPECT_EQ(parse_run_mount("target=/t,z").relabel, "shared");
  EXPECT_EQ(parse_run_mount("target=/t,relabel=private").relabel, "private");
}

TEST(RunMount, OptionsOfOtherTypesAreRefused) {
  for (const char* bad :
       {"target=/t,mode=0700", "type=tmpfs,target=/t,uid=1", "target=/t,sharing=locked",
        "target=/t,required", "type=cache,target=/t,size=1", "target=/t,env=X", "type=ssh,from=x",
        "type=bind", "type=cache", "type=tmpfs", "target=/t,mode=9",
        "type=cache,target=/t,sharing=all", "target=/t,rw=perhaps", "target", "source=x", ""}) {
    EXPECT_THROW(parse_run_mount(bad), base::Error) << bad;
  }
}

TEST(RunMount, MistakesGetASuggestion) {
  EXPECT_EQ(hint_of("type=cahce,target=/t"), "did you mean cache?");
  EXPECT_EQ(hint_of("targt=/t"), "did you mean target?");
}

TEST(RunMount, ValuesAreExpandedButNotFrom) {
  const ExpandValue expand = [](std::string_view text) {
    return text == "$dir" ? std::string("/x,ro=maybe") : std::string(text);
  };
  EXPECT_EQ(parse_run_mount("target=$dir", expand).target, "/x,ro=maybe");
  EXPECT_THROW(parse_run_mount("target=/t,from=$dir", expand), base::Error);
  EXPECT_THROW(check_run_mount("target=/t,from=$dir"), base::Error);
}

TEST(RunMount, CheckLeavesVariablesAlone) {
  EXPECT_NO_THROW(check_run_mount("type=$T,mode=$M"));
  EXPECT_NO_THROW(check_run_mount("type=secret,id=$ID"));
  EXPECT_NO_THROW(check_run_mount("type=cache,target=$D,sharing=$S,uid=$U"));
  EXPECT_THROW(check_run_mount("type=cache,target=$D,sharing=x"), base::Error);
  EXPECT_EQ(run_mount_from("type=$T,target=$D,From=base"), "base");
  EXPECT_EQ(run_mount_from("target=/x"), "");
}

}  // namespace
}  // namespace bld::dockerfile
