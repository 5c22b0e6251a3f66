#include "layers/compression.h"
#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::open_store;
using test::TempDir;
namespace fs = std::filesystem;

class Check : public testing::Test {
 protected:
  // Something is found, repair drops it, and then the store is sound and takes the image again.
  void expect_found_and_repaired(const std::string& words) {
    const std::vector<Finding> findings = store.check();
    ASSERT_FALSE(findings.empty());
    EXPECT_NE(findings[0].text.find(words), std::string::npos) << findings[0].text;
    EXPECT_FALSE(findings[0].repaired);
    for (const Finding& finding : store.check(Store::Repair::kYes)) EXPECT_TRUE(finding.repaired);
    for (const Finding& finding : store.check()) ADD_FAILURE() << finding.text;
    store = open_store(temp / "store");
    test::store_image(store, "text", {"app"});
    EXPECT_TRUE(store.find_image("app"));
    for (const Finding& finding : store.check()) ADD_FAILURE() << finding.text;
  }

  TempDir temp;
  Store store = open_store(temp / "store");
  image::Digest manifest = test::store_image(store, "text", {"app"});
};

TEST_F(Check, ASoundStoreHasNoFindings) { EXPECT_TRUE(store.check().empty()); }

TEST_F(Check, FindsAChangedBlob) {
  test::write_text(store.blob_path(manifest), "{}");
  expect_found_and_repaired("blob " + manifest.str());
}

TEST_F(Check, FindsAMissingBlob) {
  fs::remove(store.blob_path(store.get_image("app").config_digest));
  expect_found_and_repaired("no such file");
}

TEST_F(Check, FindsAChangedTree) {
  const image::DiffId layer = store.read_config(store.get_image("app").config_digest).diff_ids[0];
  test::write_text(store.tree_path(store.find_layer(layer)->tree_id) / "file", "evil");
  expect_found_and_repaired("its diffID is");
}

TEST_F(Check, FindsAMissingTree) {
  const image::DiffId layer = store.read_config(store.get_image("app").config_digest).diff_ids[0];
  fs::remove_all(store.tree_path(store.find_layer(layer)->tree_id));
  expect_found_and_repaired("is missing");
}

TEST_F(Check, ADamagedTreeWithABlobIsMadeAgain) {
  const image::DiffId diff_id = store.read_config(store.get_image("app").config_digest).diff_ids[0];
  store.ensure_blob(diff_id, layers::Compression::kGzip);
  test::write_text(store.tree_path(store.find_layer(diff_id)->tree_id) / "file", "evil");
  EXPECT_EQ(store.check(Store::Repair::kYes).size(), 1U);
  EXPECT_TRUE(store.find_image("app"));
  EXPECT_TRUE(store.find_layer(diff_id)->tree_id.empty());
  const Layer layer = store.ensure_tree(diff_id);
  std::ifstream file(store.tree_path(layer.tree_id) / "file");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "text");
  EXPECT_TRUE(store.check().empty());
}

}  // namespace
}  // namespace bld::store
