#include <chrono>

#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::open_store;
using test::TempDir;

std::chrono::milliseconds time_of(const std::function<void()>& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               begin);
}

class Steps : public testing::Test {
 protected:
  TempDir temp;
  Store store = open_store(temp / "store");
};

TEST_F(Steps, AreFoundByEitherKey) {
  StepRecord step;
  step.key = "definition";
  step.content_key = "content";
  step.ingredients = R"({"a":1})";
  step.value = "{}";
  step.label = "Containerfile RUN make";
  store.put_steps({&step, 1});
  for (const char* key : {"definition", "content"}) {
    const std::optional<StepRecord> found = store.find_step(key);
    ASSERT_TRUE(found) << key;
    EXPECT_EQ(found->key, "definition");
    EXPECT_EQ(found->ingredients, step.ingredients);
    EXPECT_EQ(found->value, "{}");
    EXPECT_FALSE(found->layer);
    EXPECT_GT(found->created_at, Time{});
  }
  EXPECT_FALSE(store.find_step("other"));
  EXPECT_FALSE(store.find_step(""));
  EXPECT_EQ(store.latest_step("Containerfile RUN make")->key, "definition");
  EXPECT_FALSE(store.latest_step("other"));
}

TEST_F(Steps, AreNoHitWhenTheirLayerIsGone) {
  Transaction transaction = store.begin();
  const Layer layer = test::make_layer(store, "text");
  transaction.record_layer(layer);
  StepRecord step;
  step.key = "key";
  step.layer = layer.diff_id;
  transaction.record_step(step);
  std::move(transaction).commit();
  EXPECT_EQ(store.find_step("key")->layer, layer.diff_id);
  std::filesystem::remove_all(store.tree_path(layer.tree_id));
  EXPECT_FALSE(store.find_step("key"));
  // The step runs again and gives the same layer.
  Transaction again = store.begin();
  again.record_layer(test::make_layer(store, "text"));
  again.record_step(step);
  std::move(again).commit();
  EXPECT_TRUE(store.find_step("key"));
}

TEST_F(Steps, ALaterRecordReplacesTheEarlier) {
  StepRecord step;
  step.key = "key";
  step.value = "1";
  store.put_steps({&step, 1});
  step.value = "2";
  store.put_steps({&step, 1});
  EXPECT_EQ(store.find_step("key")->value, "2");
}

TEST_F(Steps, AHitIsNotedOnceADay) {
  StepRecord step;
  step.key = "key";
  step.last_used = Time(std::chrono::hours(24));
  store.put_steps({&step, 1});
  store.find_step("key");
  store = open_store(temp / "store");
  EXPECT_GT(store.find_step("key")->last_used, step.last_used);
}

TEST_F(Steps, AHundredKeysAreFoundInMilliseconds) {
  std::vector<StepRecord> steps(100);
  {
    Transaction transaction = store.begin();
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Layer layer = test::make_layer(store, std::to_string(i));
      transaction.record_layer(layer);
      steps[i].key = "key " + std::to_string(i);
      steps[i].layer = layer.diff_id;
      steps[i].ingredients = std::string(2000, 'x');
      transaction.record_step(steps[i]);
    }
    std::move(transaction).commit();
  }
  store = open_store(temp / "store");
  const auto spent = time_of([&] {
    for (const StepRecord& step : steps) EXPECT_TRUE(store.find_step(step.key));
  });
  RecordProperty("milliseconds", static_cast<int>(spent.count()));
  EXPECT_LT(spent.count(), 50);
}

FileStamp stamp(std::uint64_t inode) {
  return {.device = ~std::uint64_t{0} - 5,
          .inode = inode * 7919,
          .size_bytes = 1,
          .mtime_ns = -5,
          .ctime_ns = 6};
}

TEST_F(Steps, FileDigestsAreRememberedByWholeStamp) {
  FileDigest file{.stamp = stamp(3), .sha256 = base::Sha256::of(base::as_bytes("x"))};
  store.remember_file_digests({&file, 1});
  std::vector<FileStamp> asked(6, file.stamp);
  asked[1].size_bytes = 2;
  asked[2].mtime_ns = 0;
  asked[3].ctime_ns = 0;
  asked[4].inode = 4;
  const auto answers = store.lookup_file_digests(asked);
  ASSERT_EQ(answers.size(), 6U);
  EXPECT_EQ(answers[0], file.sha256);
  for (int i = 1; i < 5; ++i) EXPECT_FALSE(answers[i]) << i;
  EXPECT_EQ(answers[5], file.sha256);
}

TEST_F(Steps, ThirtyThousandFileDigestsAreQuick) {
  std::vector<FileDigest> files;
  std::vector<FileStamp> stamps;
  for (std::uint64_t i = 30'000; i > 0; --i) {
    stamps.push_back(stamp(i));
    files.push_back({stamps.back(), base::Sha256::of(base::as_bytes(std::to_string(i)))});
  }
  const auto remembering = time_of([&] { store.remember_file_digests(files); });
  std::vector<std::optional<base::Sha256Value>> answers;
  const auto looking = time_of([&] { answers = store.lookup_file_digests(stamps); });
  for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(answers[i], files[i].sha256);
  RecordProperty("remembering_ms", static_cast<int>(remembering.count()));
  RecordProperty("looking_ms", static_cast<int>(looking.count()));
  EXPECT_LT(remembering.count(), 1000);
  EXPECT_LT(looking.count(), 500);
}

}  // namespace
}  // namespace bld::store
