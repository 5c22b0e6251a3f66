#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::error_of;
using test::open_store;
using test::TempDir;

class Containers : public testing::Test {
 protected:
  Container create(const std::string& name) {
    Container container;
    container.name = name;
    container.config = "{}";
    return store.create_container(container);
  }

  TempDir temp;
  Store store = open_store(temp / "store");
};

TEST_F(Containers, AreFoundByNameIdAndPrefix) {
  const Container made = create("one");
  EXPECT_EQ(made.id.size(), 64U);
  for (const std::string& text : {made.name, made.id, made.id.substr(0, 12)}) {
    const std::optional<Container> found = store.find_container(text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(found->id, made.id);
    EXPECT_EQ(found->config, "{}");
  }
  EXPECT_FALSE(store.find_container("two"));
  EXPECT_FALSE(store.find_container(""));
  EXPECT_TRUE(std::filesystem::is_directory(store.container_dir(made.id) / "upper"));
  EXPECT_TRUE(std::filesystem::is_directory(store.container_dir(made.id) / "work"));
}

TEST_F(Containers, ANameIsOnesOwn) {
  const Container made = create("one");
  EXPECT_EQ(error_of([&] { create("one"); }),
            "creating container: the container name \"one\" is already in use by " + made.id +
                ". You have to remove that container to be able to reuse that name: that name is "
                "already in use");
  EXPECT_EQ(test::entries_in(temp / "store/containers"), 1U);
}

TEST_F(Containers, ChangeAndGo) {
  Container made = create("one");
  made.name = "two";
  made.config = R"({"a":1})";
  store.update_container(made);
  EXPECT_EQ(store.find_container("two")->config, made.config);
  { const base::FileLock lock = store.lock_container(made.id); }
  store.remove_container(made.id);
  EXPECT_TRUE(store.containers().empty());
  EXPECT_EQ(test::entries_in(temp / "store/containers"), 0U);
  EXPECT_NE(error_of([&] { store.update_container(made); }).find("container not known"),
            std::string::npos);
  EXPECT_NE(error_of([&] { store.remove_container(made.id); }).find("container not known"),
            std::string::npos);
}

TEST_F(Containers, OfOneSecondAreListedAsTheyWereMade) {
  std::vector<std::string> made;
  for (int number = 0; number < 8; ++number) made.push_back(create(std::to_string(number)).id);
  Container first = *store.find_container("0");
  first.name = "renamed";
  store.update_container(first);
  std::vector<std::string> listed;
  for (const Container& container : store.containers()) listed.push_back(container.id);
  EXPECT_EQ(listed, made);
}

TEST_F(Containers, KeepTheirLayers) {
  {
    Transaction transaction = store.begin();
    const Layer layer = test::make_layer(store, "text");
    transaction.record_layer(layer);
    std::move(transaction).commit();
    Container container;
    container.name = "one";
    container.layers = {layer.diff_id};
    store.create_container(container);
  }
  store = open_store(temp / "store");
  EXPECT_EQ(store.gc().layers, 0U);
  EXPECT_EQ(store.find_container("one")->layers.size(), 1U);
  EXPECT_EQ(test::entries_in(temp / "store/trees"), 1U);
}

}  // namespace
}  // namespace bld::store
