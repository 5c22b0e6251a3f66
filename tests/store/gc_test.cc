#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::Child;
using test::open_store;
using test::Signal;
using test::TempDir;

TEST(Gc, RemovesWhatNothingReaches) {
  const TempDir temp;
  {
    Store store = open_store(temp / "store");
    test::store_image(store, "kept", {"kept"});
    Transaction transaction = store.begin();
    transaction.record_layer(test::make_layer(store, "unreached"));
    test::put_text(transaction, "unreached", image::MediaType::kOciConfig);
    std::move(transaction).commit();
  }
  Store store = open_store(temp / "store");
  const GcResult result = store.gc();
  EXPECT_EQ(result.layers, 1U);
  EXPECT_EQ(result.trees, 1U);
  EXPECT_EQ(result.blobs, 1U);
  EXPECT_EQ(test::entries_in(temp / "store/trees"), 1U);
  EXPECT_EQ(test::entries_in(temp / "store/blobs/sha256"), 2U);
  EXPECT_TRUE(store.find_image("kept"));
  EXPECT_TRUE(store.check().empty());
}

TEST(Gc, RemovesFilesWithoutRows) {
  const TempDir temp;
  open_store(temp / "store");
  test::write_text(temp / ("store/blobs/sha256/" + std::string(64, 'a')), "x");
  std::filesystem::create_directory(temp / "store/trees/0123456789abcdef");
  open_store(temp / "store").gc();
  EXPECT_EQ(test::entries_in(temp / "store/blobs/sha256"), 0U);
  EXPECT_EQ(test::entries_in(temp / "store/trees"), 0U);
}

// Both processes are forked here, and this one opens the store only at the end.
TEST(Gc, LeavesWhatAnotherProcessUses) {
  const TempDir temp;
  {
    Store store = open_store(temp / "store");
    test::store_image(store, "used", {"used"});
  }
  Signal ready, removed;
  Child user([&] {
    Store store = open_store(temp / "store");
    const ImageRecord image = store.get_image("used");
    const Layer layer = *store.find_layer(store.read_config(image.config_digest).diff_ids[0]);
    Transaction transaction = store.begin();
    const Layer mine = test::make_layer(store, "mine");
    const image::Descriptor blob =
        test::put_text(transaction, "mine too", image::MediaType::kOciConfig);
    ready.give();
    removed.await();
    if (!std::filesystem::exists(store.tree_path(layer.tree_id) / "file")) ::_exit(2);
    if (!std::filesystem::exists(store.tree_path(mine.tree_id) / "file")) ::_exit(3);
    store.read_config(image.config_digest);
    store.open_blob(blob.digest);
    transaction.record_layer(mine);
    std::move(transaction).commit();
  });
  ready.await();
  Child remover([&] {
    Store store = open_store(temp / "store");
    store.remove_image("used", Store::Force::kNo);
    if (store.find_image("used")) ::_exit(2);
    store.gc();
  });
  EXPECT_EQ(remover.wait(), 0);
  removed.give();
  EXPECT_EQ(user.wait(), 0);
  EXPECT_TRUE(open_store(temp / "store").check().empty());
  open_store(temp / "store").gc();
  EXPECT_EQ(test::entries_in(temp / "store/trees"), 0U);
  EXPECT_EQ(test::entries_in(temp / "store/blobs/sha256"), 0U);
}

}  // namespace
}  // namespace bld::store
