// A registry that lies, breaks and wants what is not its own. Each test also looks at what was
// asked of it, and of others.
#include <gtest/gtest.h>

#include "base/error.h"
#include "registry/client.h"
#include "registry/copy_image.h"
#include "tests/registry/fixture.h"

namespace bld::registry {
namespace {

using test::error_of;
using test::FakeRegistry;
using test::RegistryTest;

class HostileRegistryTest : public RegistryTest {
 protected:
  store::ImageRecord pull_app(const FakeRegistry& registry, const std::string& tag = "1") {
    return pull(there_, "docker://" + registry.host() + "/app:" + tag);
  }

  std::string pull_error(const FakeRegistry& registry) {
    const std::string error = error_of([&] { pull_app(registry); });
    EXPECT_TRUE(there_.images().empty());
    return error;
  }

  // A credentials file that knows this host only.
  void know(const std::string& host) {
    connection_.auth_file =
        directory_.write("auth.json", R"({"auths":{")" + host + R"(":{"auth":"dXNlcjpwYXNz"}}})");
  }

  std::unique_ptr<RegistryClient> client(const FakeRegistry& registry) {
    return std::make_unique<RegistryClient>(image::Reference::parse(registry.host() + "/app"),
                                            connection_, RegistryClient::Access::kPush,
                                            std::stop_token());
  }

  void put(const FakeRegistry& registry, const std::string& text) {
    image::Descriptor blob;
    blob.digest = image::Digest::of(base::as_bytes(text));
    blob.size = text.size();
    client(registry)->put_blob(blob, [&](std::uint64_t offset) {
      return std::make_unique<base::MemorySource>(std::string_view(text).substr(offset));
    });
  }
};

void expect_in(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(HostileRegistryTest, GoodOneWorks) {
  const FakeRegistry registry("good");
  const store::ImageRecord image = pull_app(registry);
  EXPECT_EQ(image.names.size(), 1U);
  EXPECT_TRUE(there_.check().empty());
}

TEST_F(HostileRegistryTest, PlatformIsChosenFromAnIndex) {
  const FakeRegistry registry("good");
  const store::ImageRecord one = pull_app(registry, "1");
  EXPECT_EQ(pull_app(registry, "index").id(), one.id());
  PullOptions options;
  options.connection = connection_;
  options.platform = image::Platform::parse("linux/riscv64");
  expect_in(error_of([&] {
              registry::pull(there_, test::location("docker://" + registry.host() + "/app:index"),
                             options, events_, {});
            }),
            "linux/riscv64");
}

TEST_F(HostileRegistryTest, LiesAboutContent) {
  for (const char* scenario :
       {"wrong-bytes", "wrong-diff-id", "wrong-type", "wrong-manifest-digest", "huge-manifest",
        "layers-and-manifests", "too-few-layers", "encoded", "endless"}) {
    const FakeRegistry registry(scenario);
    EXPECT_NE(pull_error(registry), "") << scenario;
  }
}

TEST_F(HostileRegistryTest, BrokenBlobGoesOnByRange) {
  const FakeRegistry registry("broken");
  pull_app(registry);
  EXPECT_EQ(registry.count("- bytes="), 2U);
  EXPECT_TRUE(there_.check().empty());
}

TEST_F(HostileRegistryTest, BrokenBlobStartsOverWithoutRanges) {
  const FakeRegistry registry("no-ranges");
  pull_app(registry);
  EXPECT_TRUE(there_.check().empty());
}

TEST_F(HostileRegistryTest, TruncatedBlobIsGivenUp) {
  const FakeRegistry registry("truncated");
  EXPECT_NE(pull_error(registry), "");
  EXPECT_LE(registry.count("/blobs/"), 8U);
}

TEST_F(HostileRegistryTest, RetryAfterIsHonoured) {
  const FakeRegistry registry("busy");
  const auto start = std::chrono::steady_clock::now();
  pull_app(registry);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1900));
  EXPECT_EQ(registry.count("/manifests/"), 3U);
}

TEST_F(HostileRegistryTest, UnavailableIsTriedSixTimes) {
  const FakeRegistry registry("always-unavailable");
  const std::string error = pull_error(registry);
  expect_in(error, "come back\\x1b[31m later");
  EXPECT_EQ(registry.count("/manifests/"), 6U);
}

TEST_F(HostileRegistryTest, RedirectsEnd) {
  const FakeRegistry registry("loop");
  expect_in(pull_error(registry), "redirects");
  EXPECT_EQ(registry.count("/manifests/"), 11U);
}

TEST_F(HostileRegistryTest, RedirectToAFileIsRefused) {
  const FakeRegistry registry("redirect-to-file");
  expect_in(pull_error(registry), "neither http nor https");
}

TEST_F(HostileRegistryTest, BasicCredentials) {
  const FakeRegistry registry("basic");
  know("nobody.example");
  expect_in(pull_error(registry), "authentication required");
  know(registry.host());
  pull_app(registry);
  EXPECT_GE(registry.count("Basic dXNlcjpwYXNz"), 3U);
}

TEST_F(HostileRegistryTest, WrongPasswordIsTriedOnce) {
  const FakeRegistry registry("basic");
  connection_.user = "user";
  connection_.password = "wrong";
  expect_in(pull_error(registry), "authentication required");
  EXPECT_EQ(registry.count("/manifests/"), 2U);
}

TEST_F(HostileRegistryTest, TokenIsFetchedOnce) {
  const FakeRegistry registry("token");
  know(registry.host());
  pull_app(registry);
  EXPECT_EQ(registry.count("GET /token?service=test%2C%20here&scope=repository%3Aapp%3Apull "
                           "Basic dXNlcjpwYXNz"),
            1U);
}

TEST_F(HostileRegistryTest, TokenIsRenewedWhenRefused) {
  const FakeRegistry registry("short-token");
  pull_app(registry);
  EXPECT_EQ(registry.count("GET /token"), 2U);
}

TEST_F(HostileRegistryTest, ForeignRealmGetsNoPassword) {
  const FakeRegistry other("good");
  const FakeRegistry registry("foreign-realm", other.host());
  know(registry.host());
  pull_app(registry);
  EXPECT_EQ(other.count("GET /token"), 1U);
  EXPECT_EQ(other.count("Basic"), 0U);
}

TEST_F(HostileRegistryTest, ForeignRealmGetsWhatBelongsToItsPort) {
  const FakeRegistry other("good");
  const FakeRegistry registry("foreign-realm", other.host());
  know("127.0.0.1");
  pull_app(registry);
  EXPECT_EQ(other.count("Basic"), 0U);
  know(other.host());
  pull_app(registry);
  EXPECT_EQ(other.count("GET /token"), 2U);
  EXPECT_EQ(other.count("Basic dXNlcjpwYXNz"), 1U);
}

TEST_F(HostileRegistryTest, RedirectCarriesNoCredentials) {
  FakeRegistry other("good");
  const FakeRegistry registry("token", other.host());
  pull_app(registry);
  EXPECT_EQ(other.count("GET /elsewhere/"), 1U);
  EXPECT_EQ(other.count("good-token"), 0U);
  EXPECT_GE(registry.count("good-token"), 2U);
}

TEST_F(HostileRegistryTest, UploadElsewhereCarriesNoCredentials) {
  const FakeRegistry other("good");
  const FakeRegistry registry("foreign-upload", other.host());
  connection_.user = "user";
  connection_.password = "pass";
  put(registry, std::string(100000, 'x'));
  EXPECT_EQ(other.count("PATCH"), 1U);
  EXPECT_EQ(other.count("Basic"), 0U);
}

TEST_F(HostileRegistryTest, BrokenUploadGoesOnWhereItEnded) {
  const FakeRegistry registry("broken-upload");
  put(registry, std::string(300000, 'a') + std::string(300000, 'b'));
  EXPECT_EQ(registry.count("POST"), 1U);
  EXPECT_EQ(registry.count("PATCH"), 2U);
}

TEST_F(HostileRegistryTest, BrokenSmallUploadStartsOver) {
  const FakeRegistry registry("broken-put");
  put(registry, std::string(2000, 'a') + std::string(2000, 'b'));
  EXPECT_EQ(registry.count("POST"), 2U);
  EXPECT_EQ(registry.count("PUT"), 2U);
}

TEST_F(HostileRegistryTest, BrokenManifestIsReadAgain) {
  const FakeRegistry registry("broken-manifest");
  pull_app(registry);
  EXPECT_EQ(registry.count("/manifests/"), 3U);
}

TEST_F(HostileRegistryTest, ChangedManifestIsNoticed) {
  const FakeRegistry registry("changes-manifest");
  test::store_image(here_, "content", {"app:1"});
  expect_in(error_of([&] { push(here_, "app:1", "docker://" + registry.host() + "/app:2"); }),
            "took the manifest");
}

TEST_F(HostileRegistryTest, LayerOfTheBaseIsMounted) {
  const FakeRegistry registry("mount");
  test::store_image(here_, "content", {registry.host() + "/base:1"});
  push(here_, registry.host() + "/base:1", "docker://" + registry.host() + "/app:new");
  EXPECT_EQ(registry.count("from=base"), 1U);
  EXPECT_EQ(registry.count("POST"), 2U);  // the config is the other one
}

TEST_F(HostileRegistryTest, PushArrivesWhole) {
  const FakeRegistry registry("good");
  test::store_image(here_, std::string(100000, 'q'), {"mine:1"});
  push(here_, "mine:1", "docker://" + registry.host() + "/app:new");
  EXPECT_EQ(pull_app(registry, "new").id(), here_.get_image("mine:1").id());
}

}  // namespace
}  // namespace bld::registry
