#include "registry/copy_image.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "registry/transport.h"
#include "tests/registry/fixture.h"

namespace bld::registry {
namespace {

using test::error_of;
using test::RegistryTest;

class CopyImageTest : public RegistryTest {
 protected:
  void SetUp() override { test::store_image(here_, "content", {"app:1"}); }

  std::string to(const std::string& transport, const std::string& name) {
    return transport + ":" + (directory_ / name).string();
  }
};

TEST(Location, Transports) {
  EXPECT_EQ(parse_location("oci:/d:tag")->path, "/d");
  EXPECT_EQ(parse_location("oci:/d:tag")->reference, "tag");
  EXPECT_EQ(parse_location("oci-archive:f.tar")->kind, TransportKind::kOciArchive);
  EXPECT_EQ(parse_location("docker-archive:f.tar:a/b:1")->reference, "a/b:1");
  EXPECT_EQ(parse_location("dir:/a:b")->path, "/a:b");
  EXPECT_EQ(parse_location("docker://alpine")->reference, "docker.io/library/alpine:latest");
  EXPECT_FALSE(parse_location("alpine:3.20"));
  EXPECT_FALSE(parse_location("localhost:5000/a"));
  EXPECT_THROW(parse_location("sif:a"), base::Error);
  EXPECT_THROW(parse_location("oci:"), base::Error);
}

TEST_F(CopyImageTest, LayoutKeepsIdAndManifest) {
  const image::Descriptor pushed = push(here_, "app:1", to("oci", "layout") + ":one");
  const store::ImageRecord pulled = pull(there_, to("oci", "layout") + ":one", "copy");
  EXPECT_EQ(pulled.manifest_digest, pushed.digest);
  EXPECT_EQ(pulled.id(), here_.get_image("app:1").id());
  EXPECT_EQ(pulled.names, std::vector<std::string>{"localhost/copy:latest"});
  EXPECT_TRUE(there_.check().empty());
}

TEST_F(CopyImageTest, LayersLeaveCompressedUnlessAskedOtherwise) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "making a tree of a layer needs root, if only of a namespace";
  push(here_, "app:1", to("oci", "gzip"));
  const auto gzip = there_.read_manifest(pull(there_, to("oci", "gzip")).manifest_digest);
  EXPECT_EQ(gzip.layers.at(0).media_type, image::MediaType::kOciLayerGzip);
  PushOptions options;
  options.compression = layers::Compression::kZstd;
  push(here_, "app:1", to("oci", "zstd"), options);
  const auto zstd = there_.read_manifest(pull(there_, to("oci", "zstd")).manifest_digest);
  EXPECT_EQ(zstd.layers.at(0).media_type, image::MediaType::kOciLayerZstd);
  options.compression = layers::Compression::kNone;
  push(here_, "app:1", to("oci", "none"), options);
  const auto none = there_.read_manifest(pull(there_, to("oci", "none")).manifest_digest);
  EXPECT_EQ(none.layers.at(0).media_type, image::MediaType::kOciLayerTar);
}

TEST_F(CopyImageTest, ArchivesKeepTheId) {
  for (const char* transport : {"oci-archive", "docker-archive", "dir"}) {
    const std::string place = to(transport, std::string(transport) + ".out");
    push(here_, "app:1", place);
    store::Store store = test::open_store(directory_ / (std::string("store-") + transport));
    EXPECT_EQ(pull(store, place).id(), here_.get_image("app:1").id()) << transport;
  }
}

TEST_F(CopyImageTest, DockerFormatKeepsTheConfig) {
  PushOptions options;
  options.format = ManifestFormat::kDocker;
  push(here_, "app:1", to("dir", "docker"), options);
  const store::ImageRecord pulled = pull(there_, to("dir", "docker"));
  const image::Manifest manifest = there_.read_manifest(pulled.manifest_digest);
  EXPECT_EQ(manifest.media_type, image::MediaType::kDockerManifest);
  EXPECT_EQ(manifest.layers.at(0).media_type, image::MediaType::kDockerLayerGzip);
  EXPECT_EQ(pulled.id(), here_.get_image("app:1").id());
}

TEST_F(CopyImageTest, ZstdNeedsOci) {
  PushOptions options;
  options.format = ManifestFormat::kDocker;
  options.compression = layers::Compression::kZstd;
  EXPECT_NE(error_of([&] { push(here_, "app:1", to("dir", "x"), options); }).find("OCI"),
            std::string::npos);
}

TEST_F(CopyImageTest, OtherTagsOfALayoutStay) {
  test::store_image(here_, "other", {"app:2"});
  push(here_, "app:1", to("oci", "layout") + ":1");
  push(here_, "app:2", to("oci", "layout") + ":2");
  EXPECT_EQ(pull(there_, to("oci", "layout") + ":1").id(), here_.get_image("app:1").id());
  EXPECT_EQ(pull(there_, to("oci", "layout") + ":2").id(), here_.get_image("app:2").id());
  const std::string error = error_of([&] { pull(there_, to("oci", "layout")); });
  EXPECT_NE(error.find("several images"), std::string::npos) << error;
}

TEST_F(CopyImageTest, DamagedBlobOfALayoutIsRefused) {
  push(here_, "app:1", to("oci", "layout"));
  const auto blobs = directory_ / "layout/blobs/sha256";
  const image::Descriptor layer = here_.ensure_blob(
      here_.find_layer(here_.read_config(here_.get_image("app:1").config_digest).diff_ids.at(0))
          ->diff_id,
      layers::Compression::kGzip);
  const std::string file = (blobs / layer.digest.hex()).string();
  std::fstream(file, std::ios::in | std::ios::out).seekp(20).put('?');
  EXPECT_NE(error_of([&] { pull(there_, to("oci", "layout"), "x"); }), "");
  EXPECT_TRUE(there_.images().empty());
  EXPECT_FALSE(there_.find_image("x"));
}

TEST_F(CopyImageTest, SecondPullCopiesNothing) {
  push(here_, "app:1", to("oci", "layout"));
  pull(there_, to("oci", "layout"));
  const std::size_t before = events_.done("blob");
  pull(there_, to("oci", "layout"));
  EXPECT_EQ(events_.done("blob"), before);
}

TEST_F(CopyImageTest, StopEndsThePull) {
  push(here_, "app:1", to("oci", "layout"));
  std::stop_source stop;
  stop.request_stop();
  PullOptions options;
  EXPECT_EQ(error_of([&] {
              registry::pull(there_, test::location(to("oci", "layout")), options, events_,
                             stop.get_token());
            }).find("canceled") != std::string::npos,
            true);
  EXPECT_TRUE(there_.images().empty());
}

}  // namespace
}  // namespace bld::registry
