// Against Debian's docker-registry on a loopback port.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "registry/client.h"
#include "registry/copy_image.h"
#include "tests/registry/fixture.h"

namespace bld::registry {
namespace {

using test::error_of;
using test::RegistryTest;

class DockerRegistryTest : public RegistryTest {
 protected:
  void SetUp() override {
    if (!test::DockerRegistry::is_installed()) GTEST_SKIP() << "docker-registry is not installed";
    registry_ = std::make_unique<test::DockerRegistry>();
    test::store_image(here_, std::string(200000, 'x') + "content", {"app:1"});
  }

  std::string at(const std::string& name) { return "docker://" + registry_->host() + "/" + name; }

  std::unique_ptr<RegistryClient> client(const std::string& name,
                                         const std::vector<std::string>& mount_from = {}) {
    return std::make_unique<RegistryClient>(image::Reference::parse(registry_->host() + "/" + name),
                                            connection_, RegistryClient::Access::kPush,
                                            std::stop_token(), mount_from);
  }

  std::unique_ptr<test::DockerRegistry> registry_;
};

TEST_F(DockerRegistryTest, DigestSurvivesTheRoundTrip) {
  const image::Descriptor pushed = push(here_, "app:1", at("team/app:1"));
  const store::ImageRecord pulled = pull(there_, at("team/app:1"));
  EXPECT_EQ(pulled.manifest_digest, pushed.digest);
  EXPECT_EQ(pulled.id(), here_.get_image("app:1").id());
  EXPECT_EQ(pulled.names, std::vector<std::string>{registry_->host() + "/team/app:1"});
  EXPECT_TRUE(there_.check().empty());
  // What was pulled is passed on to the byte.
  EXPECT_EQ(push(there_, pulled.id(), at("team/again:1")).digest, pushed.digest);
}

TEST_F(DockerRegistryTest, ByDigest) {
  const std::string digest = push(here_, "app:1", at("app:1")).digest.str();
  EXPECT_EQ(pull(there_, at("app@" + digest)).manifest_digest.str(), digest);
  const std::string wrong = image::Digest::of(base::as_bytes("x")).str();
  EXPECT_NE(error_of([&] { pull(there_, at("app@" + wrong)); }).find("manifest unknown"),
            std::string::npos);
}

TEST_F(DockerRegistryTest, SecondPushSendsNoBlob) {
  push(here_, "app:1", at("app:1"));
  const std::size_t before = events_.done("blob");
  push(here_, "app:1", at("app:2"));
  EXPECT_EQ(events_.done("blob"), before);
}

TEST_F(DockerRegistryTest, UnknownNameSaysSo) {
  const std::string error = error_of([&] { pull(there_, at("nothing:1")); });
  EXPECT_NE(error.find("nothing"), std::string::npos) << error;
  EXPECT_NE(error.find("manifest unknown"), std::string::npos) << error;
}

TEST_F(DockerRegistryTest, ResolveFollowsTheTag) {
  const image::Digest first = push(here_, "app:1", at("app:1")).digest;
  const auto resolved = [&] {
    return resolve(test::location(at("app:1")), connection_, std::nullopt);
  };
  EXPECT_EQ(resolved(), first);
  test::store_image(here_, "new", {"new"});
  const image::Digest second = push(here_, "new", at("app:1")).digest;
  EXPECT_NE(second, first);
  EXPECT_EQ(resolved(), second);
}

TEST_F(DockerRegistryTest, DockerFormat) {
  PushOptions options;
  options.format = ManifestFormat::kDocker;
  const image::Digest pushed = push(here_, "app:1", at("app:docker"), options).digest;
  EXPECT_EQ(pull(there_, at("app:docker")).manifest_digest, pushed);
}

TEST_F(DockerRegistryTest, PlainHttpNeedsToBeAllowed) {
  connection_.tls_verify = true;
  EXPECT_NE(error_of([&] { pull(there_, at("app:1")); }), "");
  EXPECT_NE(error_of([&] { push(here_, "app:1", at("app:1")); }), "");
}

TEST_F(DockerRegistryTest, MountsABlobOfAnotherRepository) {
  const std::string text(100000, 'm');
  image::Descriptor blob;
  blob.digest = image::Digest::of(base::as_bytes(text));
  blob.size = text.size();
  int opened = 0;
  const auto open = [&](std::uint64_t offset) {
    ++opened;
    return std::make_unique<base::MemorySource>(std::string_view(text).substr(offset));
  };
  client("base")->put_blob(blob, open);
  EXPECT_EQ(opened, 1);
  client("app", {"base"})->put_blob(blob, open, "base");
  EXPECT_EQ(opened, 1);
  EXPECT_TRUE(client("app")->has_blob(blob.digest));
}

TEST_F(DockerRegistryTest, PushUnderAnotherNameMounts) {
  push(here_, "app:1", at("first:1"));
  const store::ImageRecord pulled = pull(there_, at("first:1"));
  push(there_, pulled.id(), at("second:1"));
  // Only the config was sent: the layer came from the first repository.
  const image::Manifest manifest = there_.read_manifest(pulled.manifest_digest);
  EXPECT_TRUE(client("second")->has_blob(manifest.layers.at(0).digest));
}

TEST_F(DockerRegistryTest, ReadsABlobFromTheMiddle) {
  const std::string text = "0123456789";
  image::Descriptor blob;
  blob.digest = image::Digest::of(base::as_bytes(text));
  blob.size = text.size();
  const auto repository = client("app");
  repository->put_blob(blob, [&](std::uint64_t) {
    return std::make_unique<base::MemorySource>(std::string_view(text));
  });
  EXPECT_EQ(base::read_to_end(*repository->open_blob(blob, 4), 100), "456789");
  EXPECT_EQ(base::read_to_end(*repository->open_blob(blob, 0), 100), text);
}

TEST_F(DockerRegistryTest, ListsTags) {
  push(here_, "app:1", at("app:a"));
  push(here_, "app:1", at("app:b"));
  std::vector<std::string> tags = client("app")->tags();
  std::sort(tags.begin(), tags.end());
  EXPECT_EQ(tags, (std::vector<std::string>{"a", "b"}));
}

TEST(NoRegistry, RefusedConnectionFailsAtOnce) {
  test::TempDir directory;
  test::RecordedEvents events;
  store::Store store = test::open_store(directory / "store");
  PullOptions options;
  options.connection.tls_verify = false;
  const std::string name = "docker://127.0.0.1:" + std::to_string(test::free_port()) + "/app";
  const auto start = std::chrono::steady_clock::now();
  const std::string error =
      error_of([&] { registry::pull(store, test::location(name), options, events, {}); });
  EXPECT_NE(error.find("127.0.0.1"), std::string::npos) << error;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace bld::registry
