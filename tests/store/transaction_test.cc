#include "store/transaction.h"

#include <thread>

#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::error_of;
using test::open_store;
using test::TempDir;

std::string read_blob(Store& store, const image::Digest& digest) {
  const base::UniqueFd file = store.open_blob(digest);
  base::FdSource source(file.get());
  return base::read_to_end(source, 1 << 20);
}

TEST(Transaction, ShowsAllOnlyAfterCommit) {
  const TempDir temp;
  Store writer = open_store(temp / "store");
  Store reader = open_store(temp / "store");
  Transaction transaction = writer.begin();
  const Layer layer = test::make_layer(writer, "text");
  const image::Digest image = test::put_image(transaction, {layer});
  transaction.name_image(image::Reference::parse_local("app"), image);
  StepRecord step;
  step.key = "key";
  step.layer = layer.diff_id;
  transaction.record_step(step);
  EXPECT_FALSE(reader.find_blob(image));
  EXPECT_FALSE(reader.find_layer(layer.diff_id));
  EXPECT_FALSE(reader.find_image("app"));
  EXPECT_FALSE(reader.find_step("key"));
  std::move(transaction).commit();
  EXPECT_TRUE(reader.find_blob(image));
  EXPECT_TRUE(reader.find_layer(layer.diff_id));
  EXPECT_TRUE(reader.find_image("app"));
  EXPECT_TRUE(reader.find_step("key"));
}

TEST(Transaction, DroppedLeavesNothing) {
  const TempDir temp;
  {
    Store store = open_store(temp / "store");
    Transaction transaction = store.begin();
    test::put_image(transaction, {test::make_layer(store, "text")});
  }
  EXPECT_EQ(test::entries_in(temp / "store/blobs/sha256"), 0U);
  EXPECT_EQ(test::entries_in(temp / "store/trees"), 0U);
  EXPECT_EQ(test::entries_in(temp / "store/tmp"), 0U);
}

TEST(Transaction, AFailedOneChangesNothing) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  Transaction transaction = store.begin();
  const image::Descriptor blob = test::put_text(transaction, "x", image::MediaType::kOciConfig);
  transaction.name_image(image::Reference::parse_local("app"), blob.digest);
  EXPECT_NE(error_of([&] { std::move(transaction).commit(); }).find("image not known"),
            std::string::npos);
  EXPECT_FALSE(store.find_blob(blob.digest));
}

TEST(PutBlob, TheSameBytesAreStoredOnce) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  Transaction transaction = store.begin();
  const image::Descriptor first =
      test::put_text(transaction, "content", image::MediaType::kOciConfig);
  EXPECT_EQ(first.digest, image::Digest::of(base::as_bytes("content")));
  EXPECT_EQ(first.size, 7U);
  EXPECT_EQ(test::put_text(transaction, "content", image::MediaType::kOciConfig), first);
  std::move(transaction).commit();
  EXPECT_EQ(test::entries_in(temp / "store/blobs/sha256"), 1U);
  EXPECT_EQ(read_blob(store, first.digest), "content");
}

TEST(PutBlob, RefusesWhatIsNotExpected) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  image::Descriptor expected;
  expected.media_type = image::MediaType::kOciConfig;
  expected.digest = image::Digest::of(base::as_bytes("content"));
  expected.size = 7;
  const auto put = [&](const std::string& text) {
    Transaction transaction = store.begin();
    base::MemorySource source(text);
    transaction.put_blob(source, expected);
    std::move(transaction).commit();
  };
  EXPECT_NE(error_of([&] { put("conten"); }).find("ends after 6 of 7 bytes"), std::string::npos);
  EXPECT_NE(error_of([&] { put("contents"); }).find("is longer than the 7 bytes"),
            std::string::npos);
  EXPECT_NE(error_of([&] { put("CONTENT"); }).find("has the digest"), std::string::npos);
  EXPECT_FALSE(store.find_blob(expected.digest));
  EXPECT_EQ(test::entries_in(temp / "store/blobs/sha256"), 0U);
  put("content");
  EXPECT_TRUE(store.find_blob(expected.digest));
}

TEST(RecordImage, NeedsItsLayersAndItsConfig) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  const Layer layer = test::make_layer(store, "text");
  image::ImageConfig config;
  config.platform.os = "linux";
  config.platform.architecture = "amd64";
  config.diff_ids = {layer.diff_id};
  image::Manifest manifest;
  image::Descriptor descriptor;
  descriptor.media_type = image::MediaType::kOciLayerTar;
  descriptor.digest = layer.diff_id.digest;
  descriptor.size = layer.tar_size_bytes;
  manifest.layers = {descriptor};
  {
    Transaction transaction = store.begin();
    manifest.config = test::put_text(transaction, config.json(), image::MediaType::kOciConfig);
    const image::Descriptor stored =
        test::put_text(transaction, manifest.json(), image::MediaType::kOciManifest);
    transaction.record_image(stored, manifest.config);
    EXPECT_NE(error_of([&] { std::move(transaction).commit(); }).find("not in the store"),
              std::string::npos);
  }
  Transaction transaction = store.begin();
  manifest.layers.clear();
  const image::Descriptor stored =
      test::put_text(transaction, manifest.json(), image::MediaType::kOciManifest);
  EXPECT_NE(error_of([&] {
              transaction.record_image(stored, manifest.config);
            }).find("has 0 layers, its config 1"),
            std::string::npos);
}

TEST(Transaction, ThreadsWriteTheSameAndDifferentThings) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&store, thread] {
      for (int i = 0; i < 10; ++i) {
        test::store_image(store, "shared " + std::to_string(i), {"shared"});
        test::store_image(store, fmt::format("own {} {}", thread, i), {fmt::format("n{}", thread)});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store.images().size(), 50U);
  EXPECT_TRUE(store.find_image("shared"));
  EXPECT_TRUE(store.check().empty());
}

}  // namespace
}  // namespace bld::store
