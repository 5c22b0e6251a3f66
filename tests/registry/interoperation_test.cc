// What we write, opened by others' tools; what they write, opened by us.
#include <gtest/gtest.h>

#include "base/file_io.h"
#include "base/process.h"
#include "registry/copy_image.h"
#include "tests/registry/fixture.h"

namespace bld::registry {
namespace {

using test::RegistryTest;

class InteroperationTest : public RegistryTest {
 protected:
  void SetUp() override { test::store_image(here_, "content", {"app:1"}); }

  bool has(const char* program) { return !base::find_program(program).empty(); }

  std::string run(std::vector<std::string> args) {
    base::ProcessOptions options;
    options.args = std::move(args);
    const base::ProcessResult result = base::run_process(options);
    EXPECT_EQ(result.exit_status, 0) << result.error_output;
    return result.output;
  }

  // skopeo without a policy file of the machine.
  std::string skopeo(std::vector<std::string> args) {
    std::vector<std::string> all = {"skopeo", "--insecure-policy"};
    all.insert(all.end(), args.begin(), args.end());
    return run(all);
  }

  std::string path(const std::string& name) { return (directory_ / name).string(); }
};

TEST_F(InteroperationTest, SkopeoReadsEveryTransport) {
  if (!has("skopeo")) GTEST_SKIP() << "skopeo is not installed";
  for (const std::string transport : {"oci", "oci-archive", "docker-archive", "dir"}) {
    const std::string place = transport + ":" + path(transport);
    const std::string named = transport == "docker-archive"
                                  ? place + ":localhost/app:1"
                                  : (transport == "dir" ? place : place + ":app");
    push(here_, "app:1", named);
    const std::string inspected = skopeo({"inspect", "--config", "--raw", named});
    EXPECT_EQ(inspected, here_.read_config_text(here_.get_image("app:1").config_digest))
        << transport;
    // Copying verifies every digest.
    skopeo({"copy", named, "oci:" + path("copied-" + transport) + ":x"});
    const store::ImageRecord back = pull(there_, "oci:" + path("copied-" + transport) + ":x");
    EXPECT_EQ(back.id(), here_.get_image("app:1").id()) << transport;
  }
}

TEST_F(InteroperationTest, WhatSkopeoWritesIsRead) {
  if (!has("skopeo")) GTEST_SKIP() << "skopeo is not installed";
  push(here_, "app:1", "oci:" + path("layout") + ":app");
  for (const std::string transport : {"oci-archive", "docker-archive", "dir"}) {
    const std::string place = transport + ":" + path("skopeo-" + transport);
    const std::string named = transport == "docker-archive" ? place + ":localhost/app:1" : place;
    skopeo({"copy", "oci:" + path("layout") + ":app", named});
    store::Store store = test::open_store(directory_ / ("store-" + transport));
    const store::ImageRecord pulled = pull(store, named);
    const image::ImageConfig config = store.read_config(pulled.config_digest);
    EXPECT_EQ(config.diff_ids, here_.read_config(here_.get_image("app:1").config_digest).diff_ids)
        << transport;
  }
}

TEST_F(InteroperationTest, UmociUnpacksALayout) {
  if (!has("umoci")) GTEST_SKIP() << "umoci is not installed";
  push(here_, "app:1", "oci:" + path("layout") + ":app");
  run({"umoci", "unpack", "--rootless", "--image", path("layout") + ":app", path("bundle")});
  EXPECT_EQ(base::read_file(directory_ / "bundle/rootfs/file", 100), "content");
}

TEST_F(InteroperationTest, SkopeoAndWeShareARegistry) {
  if (!has("skopeo") || !test::DockerRegistry::is_installed()) GTEST_SKIP() << "not installed";
  const test::DockerRegistry registry;
  const std::string ours = "docker://" + registry.host() + "/ours:1";
  const std::string theirs = "docker://" + registry.host() + "/theirs:1";
  const image::Digest pushed = push(here_, "app:1", ours).digest;
  skopeo({"copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests", ours,
          theirs});
  EXPECT_EQ(pull(there_, theirs).manifest_digest, pushed);
}

}  // namespace
}  // namespace bld::registry
