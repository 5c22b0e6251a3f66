#include "runtime/overlay.h"

#include "base/rooted_dir.h"
#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;

// With the mount API of the kernel, and with mount(2) alone.
class OverlayTest : public ContainerTest, public ::testing::WithParamInterface<OverlayApi> {
 protected:
  std::vector<std::filesystem::path> make_layers(int count) {
    std::vector<std::filesystem::path> result;
    for (int i = 0; i < count; ++i) {
      const std::string name = "layers/" + std::to_string(i);
      temp_->write(name + "/" + std::to_string(i), "x");
      temp_->write(name + "/common", std::to_string(i));
      result.push_back(*temp_ / name);
    }
    return result;
  }
};

std::string read_in(const base::UniqueFd& mount, const std::string& name) {
  const base::RootedDir root(mount.duplicate());
  return base::read_fd(root.open_regular(name).get(), 1000);
}

TEST_P(OverlayTest, TheUppermostLayerComesFirst) {
  const base::UniqueFd mount = mount_overlay({make_layers(3), {}, {}}, GetParam());
  EXPECT_EQ(read_in(mount, "common"), "0");
  EXPECT_EQ(base::RootedDir(mount.duplicate()).names(),
            (std::vector<std::string>{"0", "1", "2", "common"}));
}

TEST_P(OverlayTest, FiveHundredLayersFit) {
  const base::UniqueFd mount =
      mount_overlay({make_layers(500), upper(), *temp_ / "work"}, GetParam());
  EXPECT_EQ(base::RootedDir(mount.duplicate()).names().size(), 501U);
}

TEST_P(OverlayTest, WritesGoToTheUpperDirectory) {
  const base::UniqueFd mount =
      mount_overlay({make_layers(2), upper(), *temp_ / "work"}, GetParam());
  const base::RootedDir root(mount.duplicate());
  base::write_all(root.open_at("new", O_CREAT | O_WRONLY, 0644).get(), base::as_bytes("n"));
  EXPECT_EQ(base::read_file(upper() / "new", 10), "n");
}

TEST_P(OverlayTest, AnUpperDirectoryCanBeMountedAgain) {
  const OverlayDirs dirs{make_layers(2), upper(), *temp_ / "work"};
  for (int i = 0; i < 3; ++i) mount_overlay(dirs, GetParam());
}

TEST_P(OverlayTest, AwkwardNamesAreTakenLiterally) {
  const std::string name = "a:b,c\\d e" + std::string(240, 'x');
  temp_->write(name + "/file", "f");
  std::filesystem::create_directories(*temp_ / "other");
  std::filesystem::create_directories(*temp_ / (name + "upper"));
  const base::UniqueFd mount = mount_overlay(
      {{*temp_ / name, *temp_ / "other"}, *temp_ / (name + "upper"), *temp_ / "work"}, GetParam());
  EXPECT_EQ(read_in(mount, "file"), "f");
}

TEST_P(OverlayTest, AMissingDirectoryIsNamed) {
  try {
    mount_overlay({{lower(), *temp_ / "missing"}, {}, {}}, GetParam());
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos) << error.what();
    EXPECT_EQ(error.error_number(), ENOENT);
  }
}

INSTANTIATE_TEST_SUITE_P(Apis, OverlayTest,
                         ::testing::Values(OverlayApi::kBest, OverlayApi::kMountOnly),
                         [](const auto& param) {
                           return param.param == OverlayApi::kBest ? "Best" : "MountOnly";
                         });

class OneLayerTest : public ContainerTest {};

TEST_F(OneLayerTest, OneLayerIsAReadOnlyView) {
  const base::UniqueFd mount = mount_overlay({{lower()}, {}, {}});
  const base::RootedDir root(mount.duplicate());
  EXPECT_TRUE(root.stat("bin/busybox"));
  EXPECT_THROW(root.open_at("new", O_CREAT | O_WRONLY, 0644), base::Error);
}

TEST_F(OneLayerTest, WithoutLayersTheUpperDirectoryIsTheRoot) {
  const base::UniqueFd mount = mount_overlay({{}, upper(), *temp_ / "work"});
  const base::RootedDir root(mount.duplicate());
  root.make_dirs("a/b");
  EXPECT_TRUE(std::filesystem::is_directory(upper() / "a/b"));
}

}  // namespace
}  // namespace bld::runtime
