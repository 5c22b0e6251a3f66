#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::open_store;
using test::TempDir;

StepRecord step_of(Store& store, const std::string& key, const std::string& text, Time last_used) {
  Transaction transaction = store.begin();
  const Layer layer = test::make_layer(store, text);
  transaction.record_layer(layer);
  std::move(transaction).commit();
  StepRecord step;
  step.key = key;
  step.layer = layer.diff_id;
  step.ingredients = step.value = "{}";
  step.last_used = last_used;
  store.put_steps(std::span(&step, 1));
  return step;
}

void fill_cache(Store& store, const std::string& id, std::size_t bytes) {
  const auto data = store.cache_dir(id) / "data";
  std::filesystem::create_directory(data);
  test::write_text(data / "file", std::string(bytes, 'x'));
}

Time day(int number) { return Time(std::chrono::hours(24 * number)); }

TEST(Usage, TellsWhatHoldsWhat) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  {
    Transaction transaction = store.begin();
    const Layer shared = test::make_layer(store, "shared"), own = test::make_layer(store, "own");
    transaction.name_image(image::Reference::parse_local("one"),
                           test::put_image(transaction, {shared, own}, "one"));
    transaction.name_image(image::Reference::parse_local("two"),
                           test::put_image(transaction, {shared}, "two"));
    std::move(transaction).commit();
  }
  step_of(store, "key", "only cached", day(1));
  fill_cache(store, "c", 100'000);
  const StoreUsage usage = store.usage();
  ASSERT_EQ(usage.images.size(), 2U);
  EXPECT_EQ(usage.steps, 1U);
  // Each layer is a tar of one small file.
  const std::uint64_t layer = usage.layer_bytes / 3;
  EXPECT_EQ(usage.step_bytes(), layer);
  EXPECT_EQ(usage.image_layer_bytes, 2 * layer);
  for (const UsageItem& image : usage.images) {
    const bool is_one = image.names.front().find("one") != std::string::npos;
    EXPECT_EQ(image.bytes, (is_one ? 2 : 1) * layer);
    EXPECT_EQ(image.own_bytes, is_one ? layer : 0);
  }
  ASSERT_EQ(usage.run_caches.size(), 1U);
  EXPECT_GE(usage.run_caches[0].bytes, 100'000U);
  EXPECT_GT(usage.total_bytes(), usage.layer_bytes + 100'000);
}

TEST(EvictCache, TakesWhatIsUnusedForLong) {
  const TempDir temp;
  {
    Store store = open_store(temp / "store");
    step_of(store, "old", "old", day(1));
    step_of(store, "new", "new", day(10));
    test::store_image(store, "old of an image", {"image"});
    step_of(store, "held", "old of an image", day(1));
  }
  Store store = open_store(temp / "store");
  const GcResult result = store.evict_cache({.unused_since = day(5), .keep_bytes = {}});
  EXPECT_EQ(result.steps, 2U);
  EXPECT_EQ(result.layers, 1U);
  EXPECT_FALSE(store.find_step("old"));
  EXPECT_FALSE(store.find_step("held"));
  EXPECT_TRUE(store.find_step("new"));
  EXPECT_TRUE(store.find_image("image"));
  EXPECT_TRUE(store.check().empty());
}

TEST(EvictCache, TakesTheLeastRecentlyUsedUntilItFits) {
  const TempDir temp;
  std::uint64_t total = 0, layer = 0;
  {
    Store store = open_store(temp / "store");
    for (int i = 1; i <= 4; ++i) step_of(store, std::to_string(i), std::to_string(i), day(5 - i));
    total = store.usage().total_bytes();
    layer = store.usage().layer_bytes / 4;
  }
  Store store = open_store(temp / "store");
  EXPECT_EQ(store.evict_cache({.unused_since = {}, .keep_bytes = total}).steps, 0U);
  EXPECT_EQ(store.evict_cache({.unused_since = {}, .keep_bytes = total - layer - 1}).steps, 2U);
  EXPECT_TRUE(store.find_step("1"));
  EXPECT_TRUE(store.find_step("2"));
  EXPECT_FALSE(store.find_step("3"));
  EXPECT_FALSE(store.find_step("4"));
  EXPECT_EQ(store.usage().layer_bytes, 2 * layer);
}

TEST(EvictCache, LeavesRunCachesThatAreInUse) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  fill_cache(store, "used", 10);
  fill_cache(store, "idle", 10);
  const auto used = store.cache_dir("used");
  const auto lock = base::FileLock::wait(used / "lock", base::FileLock::Mode::kShared);
  const GcResult result = store.evict_cache({});
  EXPECT_EQ(result.run_caches, 1U);
  EXPECT_TRUE(std::filesystem::exists(used / "data/file"));
  EXPECT_FALSE(std::filesystem::exists(store.cache_dir("idle") / "data"));
  EXPECT_TRUE(store.usage().run_caches.front().in_use);
}

}  // namespace
}  // namespace bld::store
