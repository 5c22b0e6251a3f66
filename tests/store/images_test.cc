#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::error_of;
using test::open_store;
using test::store_image;
using test::TempDir;

class Images : public testing::Test {
 protected:
  std::string manifest_of(const std::string& text) {
    const std::optional<ImageRecord> image = store.find_image(text);
    return image ? image->manifest_digest.str() : "";
  }

  std::size_t objects() {
    return test::entries_in(temp / "store/blobs/sha256") + test::entries_in(temp / "store/trees");
  }

  TempDir temp;
  Store store = open_store(temp / "store");
};

TEST_F(Images, AreFoundByEachWayToNameThem) {
  const std::string local = store_image(store, "a", {"app"}).str();
  const std::string remote = store_image(store, "b", {"docker.io/library/debian:12"}).str();
  EXPECT_EQ(manifest_of("app"), local);
  EXPECT_EQ(manifest_of("app:latest"), local);
  EXPECT_EQ(manifest_of("localhost/app"), local);
  EXPECT_EQ(manifest_of("debian:12"), remote);
  EXPECT_EQ(manifest_of("docker.io/library/debian:12"), remote);
  EXPECT_EQ(manifest_of("debian@" + remote), remote);
  EXPECT_EQ(manifest_of("debian"), "");
  EXPECT_EQ(manifest_of("app:other"), "");
  const std::string id = store.find_image("app")->id();
  EXPECT_EQ(manifest_of(id), local);
  EXPECT_EQ(manifest_of(id.substr(0, 12)), local);
  EXPECT_EQ(manifest_of("sha256:" + id), local);
  EXPECT_EQ(manifest_of(""), "");
  EXPECT_EQ(manifest_of("NOT a name"), "");
  EXPECT_EQ(error_of([&] { store.get_image("nothing"); }), "nothing: image not known");
}

TEST_F(Images, LocalhostGoesFirst) {
  store_image(store, "a", {"docker.io/library/app"});
  const std::string local = store_image(store, "b", {"localhost/app"}).str();
  EXPECT_EQ(manifest_of("app"), local);
}

TEST_F(Images, AnAmbiguousPrefixIsAnError) {
  std::vector<std::string> ids;
  for (int i = 0; i < 17; ++i) {
    store_image(store, std::to_string(i), {"n" + std::to_string(i)});
  }
  // Of 17 IDs two begin with the same digit.
  bool is_ambiguous = false;
  for (const char digit : std::string("0123456789abcdef")) {
    const std::string error = error_of([&] { store.find_image(std::string(1, digit)); });
    is_ambiguous = is_ambiguous || error.find("more than one image ID") != std::string::npos;
  }
  EXPECT_TRUE(is_ambiguous);
}

TEST_F(Images, RecordSaysWhatTheConfigSays) {
  store_image(store, "text", {"b", "a"});
  const ImageRecord image = store.get_image("a");
  EXPECT_EQ(image.names, (std::vector<std::string>{"localhost/a:latest", "localhost/b:latest"}));
  EXPECT_EQ(image.created, "2024-05-06T07:08:09Z");
  const image::Manifest manifest = store.read_manifest(image.manifest_digest);
  EXPECT_EQ(manifest.config.digest, image.config_digest);
  EXPECT_EQ(image.size_bytes, manifest.layers[0].size + manifest.config.size);
  EXPECT_EQ(store.images().size(), 1U);
}

TEST_F(Images, ANameMoves) {
  store_image(store, "old", {"app"});
  const std::string second = store_image(store, "new", {"app"}).str();
  EXPECT_EQ(manifest_of("app"), second);
  EXPECT_EQ(store.images().size(), 2U);
}

TEST_F(Images, UntagLeavesTheImage) {
  const std::string manifest = store_image(store, "text", {"app"}).str();
  EXPECT_TRUE(store.untag(image::Reference::parse_local("app")));
  EXPECT_FALSE(store.untag(image::Reference::parse_local("app")));
  ASSERT_EQ(store.images().size(), 1U);
  EXPECT_EQ(store.images()[0].manifest_digest.str(), manifest);
  EXPECT_TRUE(store.images()[0].names.empty());
}

// Removing is done by a Store of its own, since the one that made the image still pins it.
TEST_F(Images, RemovingTheLastNameFreesTheImage) {
  store_image(store, "text", {"app"});
  const std::string id = store.find_image("app")->id();
  store = open_store(temp / "store");
  const RemovedImage removed = store.remove_image("app", Store::Force::kNo);
  EXPECT_EQ(removed.untagged, std::vector<std::string>{"localhost/app:latest"});
  EXPECT_EQ(removed.removed_ids, std::vector<std::string>{id});
  EXPECT_EQ(objects(), 0U);
  EXPECT_TRUE(store.check().empty());
}

TEST_F(Images, RemovingOneOfTwoNamesOnlyUntags) {
  store_image(store, "text", {"a", "b"});
  store = open_store(temp / "store");
  const RemovedImage removed = store.remove_image("a", Store::Force::kNo);
  EXPECT_EQ(removed.untagged, std::vector<std::string>{"localhost/a:latest"});
  EXPECT_TRUE(removed.removed_ids.empty());
  EXPECT_TRUE(store.find_image("b"));
}

TEST_F(Images, RemovingByIdNeedsForceForTwoNames) {
  store_image(store, "text", {"a", "b"});
  const std::string id = store.find_image("a")->id();
  store = open_store(temp / "store");
  EXPECT_NE(error_of([&] {
              store.remove_image(id, Store::Force::kNo);
            }).find("by ID with more than one tag"),
            std::string::npos);
  EXPECT_EQ(store.remove_image(id, Store::Force::kYes).untagged.size(), 2U);
  EXPECT_EQ(objects(), 0U);
}

TEST_F(Images, SharedLayersStayWithTheOther) {
  {
    Transaction transaction = store.begin();
    const Layer base = test::make_layer(store, "base");
    transaction.name_image(image::Reference::parse_local("a"),
                           test::put_image(transaction, {base}));
    transaction.name_image(image::Reference::parse_local("b"),
                           test::put_image(transaction, {base, test::make_layer(store, "top")}));
    std::move(transaction).commit();
  }
  store = open_store(temp / "store");
  store.remove_image("b", Store::Force::kNo);
  EXPECT_EQ(test::entries_in(temp / "store/trees"), 1U);
  EXPECT_TRUE(store.find_image("a"));
  EXPECT_TRUE(store.check().empty());
}

TEST_F(Images, LayersOfTheStepCacheStay) {
  {
    Transaction transaction = store.begin();
    const Layer layer = test::make_layer(store, "text");
    transaction.name_image(image::Reference::parse_local("a"),
                           test::put_image(transaction, {layer}));
    StepRecord step;
    step.key = "key";
    step.layer = layer.diff_id;
    transaction.record_step(step);
    std::move(transaction).commit();
  }
  store = open_store(temp / "store");
  store.remove_image("a", Store::Force::kNo);
  EXPECT_EQ(test::entries_in(temp / "store/trees"), 1U);
  EXPECT_TRUE(store.find_step("key"));
}

TEST_F(Images, ThatAContainerUsesNeedForce) {
  const image::Digest manifest = store_image(store, "text", {"a"});
  Container container;
  container.name = "a-working-container";
  container.image_manifest = manifest;
  container.layers = store.read_config(store.find_image("a")->config_digest).diff_ids;
  container = store.create_container(container);
  store = open_store(temp / "store");
  EXPECT_NE(error_of([&] {
              store.remove_image("a", Store::Force::kNo);
            }).find("image is in use by a container"),
            std::string::npos);
  EXPECT_TRUE(store.find_image("a"));
  store = open_store(temp / "store");
  const RemovedImage removed = store.remove_image("a", Store::Force::kYes);
  EXPECT_EQ(removed.removed_containers, std::vector<std::string>{container.id});
  EXPECT_FALSE(std::filesystem::exists(store.container_dir(container.id)));
  EXPECT_EQ(objects(), 0U);
}

}  // namespace
}  // namespace bld::store
