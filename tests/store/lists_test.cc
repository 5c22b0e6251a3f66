#include "base/error.h"
#include "store/database.h"
#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::error_of;
using test::open_store;
using test::TempDir;

TEST(Lists, AreFoundByNameAndId) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  const ManifestList made =
      store.create_list({.id = {}, .name = "localhost/l:latest", .document = "{}"});
  EXPECT_EQ(made.id.size(), 64U);
  for (const std::string& text :
       {std::string("l"), std::string("localhost/l:latest"), made.id, made.id.substr(0, 12)}) {
    ASSERT_TRUE(store.find_list(text)) << text;
    EXPECT_EQ(store.find_list(text)->id, made.id);
  }
  EXPECT_FALSE(store.find_list("other"));
  EXPECT_FALSE(store.find_list(made.id.substr(0, 3))) << "too short to mean an ID";
  EXPECT_NE(error_of([&] {
              store.create_list({.id = {}, .name = "localhost/l:latest", .document = "{}"});
            }).find("already in use"),
            std::string::npos);
}

TEST(Lists, ANameIsOfOneThing) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  const image::Digest image = test::store_image(store, "one", {"app:latest"});
  const ManifestList list{.id = {}, .name = "localhost/app:latest", .document = "{}"};
  EXPECT_THROW(store.create_list(list), base::Error);
  store.create_list(list, Store::TakenName::kReplace);
  EXPECT_FALSE(store.find_image("app"));
  EXPECT_TRUE(store.get_image(exact_name(image)).names.empty()) << "the image stays";
  Transaction transaction = store.begin();
  transaction.name_image(image::Reference::parse_local("app:latest"), image);
  std::move(transaction).commit();
  EXPECT_FALSE(store.find_list("app"));
  EXPECT_TRUE(store.find_image("app"));
}

TEST(Lists, AnEditIsKeptUnlessItThrows) {
  const TempDir temp;
  Store store = open_store(temp / "store");
  store.create_list({.id = {}, .name = "localhost/l:latest", .document = "{}"});
  store.edit_list("l", [](ManifestList& list) { list.document = "changed"; });
  EXPECT_THROW(store.edit_list("l",
                               [](ManifestList& list) {
                                 list.document = "half";
                                 throw base::Error("no");
                               }),
               base::Error);
  EXPECT_EQ(store.find_list("l")->document, "changed");
  EXPECT_TRUE(store.remove_list("l"));
  EXPECT_FALSE(store.remove_list("l"));
  EXPECT_TRUE(store.lists().empty());
}

TEST(Lists, AStoreOfTheFirstVersionGetsThem) {
  const TempDir temp;
  {
    Store store = open_store(temp / "store");
    test::store_image(store, "content", {"text"});
  }
  {
    Database database(temp / "store/store.db", Database::Mode::kReadWrite);
    Session session(database, SessionKind::kDurableWrite);
    session.run("DROP TABLE lists");
    session.run("ALTER TABLE containers DROP COLUMN number");
    session.query("PRAGMA user_version=1").next();
    session.commit();
  }
  Store store = open_store(temp / "store");
  EXPECT_TRUE(store.find_image("text")) << "what was there stays";
  store.create_list({.id = {}, .name = "localhost/l:latest", .document = "{}"});
  EXPECT_TRUE(store.find_list("l"));
  Container container;
  container.name = "c";
  container.config = "{}";
  store.create_container(container);
  EXPECT_EQ(store.containers().size(), 1U);
}

}  // namespace
}  // namespace bld::store
