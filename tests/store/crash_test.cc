// What the store keeps to when processes die, disks fill up, and many write at once.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <random>

#include "store/database.h"
#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::Child;
using test::open_store;
using test::Signal;
using test::TempDir;
namespace fs = std::filesystem;

// Everything that a build does to the store, over and over.
void work(const fs::path& root, int round) {
  Store store = open_store(root);
  for (int i = 0;; ++i) {
    Transaction transaction = store.begin();
    const Layer layer = test::make_layer(store, fmt::format("{} {}", round, i % 20));
    const image::Digest image = test::put_image(transaction, {layer}, std::to_string(i % 7));
    transaction.name_image(image::Reference::parse_local(fmt::format("name{}", i % 5)), image);
    StepRecord step;
    step.key = fmt::format("key {} {}", round, i);
    step.layer = layer.diff_id;
    transaction.record_step(step);
    std::move(transaction).commit();
    if (i % 10 == 9) store.remove_image(fmt::format("name{}", i % 5), Store::Force::kYes);
    if (i % 25 == 24) store.gc();
  }
}

TEST(Crash, AfterAKillAtAnyMomentTheStoreIsSoundAndCleansUp) {
  const TempDir temp;
  const fs::path root = temp / "store";
  std::mt19937 random(20240506);
  for (int round = 0; round < 40; ++round) {
    {
      Child child([&] { work(root, round); });
      ::usleep(std::uniform_int_distribution<useconds_t>(500, 60'000)(random));
      ::kill(child.pid(), SIGKILL);
      child.wait();
    }
    // In a process of its own: the next child must not inherit our locks.
    Child checker([&] {
      {
        Store store = open_store(root);
        for (const Finding& finding : store.check()) {
          std::fprintf(stderr, "round %d: %s\n", round, finding.text.c_str());
          ::_exit(2);
        }
        for (const ImageRecord& image : store.images()) {
          for (const image::DiffId& layer : store.read_config(image.config_digest).diff_ids) {
            if (!store.find_layer(layer)) ::_exit(3);
          }
        }
      }
      if (test::entries_in(root / "tmp") != 0) ::_exit(4);
    });
    ASSERT_EQ(checker.wait(), 0) << round;
  }
}

TEST(Crash, WhatWasPutButNotCommittedGoesWithTheNextOpen) {
  const TempDir temp;
  const fs::path root = temp / "store";
  Signal put;
  Child child([&] {
    Store store = open_store(root);
    Transaction transaction = store.begin();
    test::put_image(transaction, {test::make_layer(store, "text")});
    Container container;
    container.name = "stays";
    store.create_container(container);
    put.give();
    ::pause();
  });
  put.await();
  EXPECT_EQ(test::entries_in(root / "trees"), 1U);
  ::kill(child.pid(), SIGKILL);
  child.wait();
  const Store store = open_store(root);
  EXPECT_EQ(test::entries_in(root / "trees"), 0U);
  EXPECT_EQ(test::entries_in(root / "blobs/sha256"), 0U);
  EXPECT_EQ(test::entries_in(root / "containers"), 1U);
  EXPECT_EQ(test::entries_in(root / "tmp"), 2U);  // our own lease
}

TEST(Crash, AnotherProcessGoesOnWhileOneDies) {
  const TempDir temp;
  const fs::path root = temp / "store";
  Signal made;
  Child stays([&] {
    Store store = open_store(root);
    const ActiveTree tree = store.new_tree();
    made.give();
    for (int i = 0; i < 40; ++i) {
      test::store_image(store, "stays " + std::to_string(i), {"stays"});
    }
    if (!fs::exists(tree.fs())) ::_exit(2);
  });
  made.await();
  for (int i = 0; i < 5; ++i) {
    Child dies([&] { work(root, i); });
    ::usleep(20'000);
    ::kill(dies.pid(), SIGKILL);
    dies.wait();
  }
  EXPECT_EQ(stays.wait(), 0);
  Store store = open_store(root);
  EXPECT_TRUE(store.find_image("stays"));
  EXPECT_TRUE(store.check().empty());
}

TEST(Processes, WriteOneDigestAndOneNameAtOnce) {
  const TempDir temp;
  const fs::path root = temp / "store";
  {
    std::vector<std::unique_ptr<Child>> children;
    for (int process = 0; process < 4; ++process) {
      children.push_back(std::make_unique<Child>([&root, process] {
        for (int i = 0; i < 15; ++i) {
          Store store = open_store(root);
          test::store_image(store, "same " + std::to_string(i), {"same"});
          test::store_image(store, fmt::format("own {} {}", process, i), {"contested"});
        }
      }));
    }
    for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  }
  Store store = open_store(root);
  EXPECT_EQ(store.images().size(), 75U);
  EXPECT_TRUE(store.find_image("same"));
  EXPECT_TRUE(store.find_image("contested"));
  EXPECT_TRUE(store.check().empty());
}

// Builds, removals and collections at once: none fails, and what is left is sound.
TEST(Processes, RemoveAndCollectWhileOthersWrite) {
  const TempDir temp;
  const fs::path root = temp / "store";
  open_store(root);
  {
    std::vector<std::unique_ptr<Child>> children;
    for (int process = 0; process < 2; ++process) {
      children.push_back(std::make_unique<Child>([&root, process] {
        for (int i = 0; i < 30; ++i) {
          Store store = open_store(root);
          const std::string name = fmt::format("name{}{}", process, i % 3);
          test::store_image(store, "text " + std::to_string(i % 6), {name});
          const ImageRecord image = store.get_image(name);
          const image::DiffId layer = store.read_config(image.config_digest).diff_ids[0];
          if (!fs::exists(store.tree_path(store.find_layer(layer)->tree_id) / "file")) ::_exit(2);
        }
      }));
    }
    children.push_back(std::make_unique<Child>([&root] {
      for (int i = 0; i < 60; ++i) {
        Store store = open_store(root);
        const std::vector<ImageRecord> images = store.images();
        if (!images.empty() && images[0].names.empty()) {
          test::error_of([&] { store.remove_image(images[0].id(), Store::Force::kYes); });
        }
        store.gc();
      }
    }));
    for (auto& child : children) EXPECT_EQ(child->wait(), 0);
  }
  Store store = open_store(root);
  for (const Finding& finding : store.check()) ADD_FAILURE() << finding.text;
}

// On a file system of 8 MiB that only this process sees.
void fill_and_remove(const fs::path& mount_point) {
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=8m") != 0) ::_exit(77);
  const fs::path root = mount_point / "store";
  {
    Store store = open_store(root);
    test::store_image(store, std::string(1 << 20, 'x'), {"app"});
    // tmpfs is too small for open() to keep a reserve.
    const base::UniqueFd reserve(::open((root / "reserve").c_str(), O_WRONLY | O_CREAT, 0600));
    if (::posix_fallocate(reserve.get(), 0, 1 << 20) != 0) ::_exit(2);
  }
  {
    const base::UniqueFd filler(::open((mount_point / "filler").c_str(), O_WRONLY | O_CREAT, 0600));
    const std::string block(4096, 'x');
    while (::write(filler.get(), block.data(), block.size()) > 0) {
    }
  }
  Store store = open_store(root);
  try {
    test::store_image(store, std::string(1 << 20, 'y'), {"other"});
    ::_exit(3);
  } catch (const std::exception& error) {
    if (!is_disk_full(error)) throw;
  }
  if (store.find_image("other")) ::_exit(4);
  store = open_store(root);
  if (store.remove_image("app", Store::Force::kNo).removed_ids.size() != 1) ::_exit(5);
  if (test::entries_in(root / "trees") != 0) ::_exit(6);
  test::store_image(store, std::string(1 << 20, 'y'), {"other"});
  if (!store.check().empty()) ::_exit(7);
}

TEST(FullDisk, LeavesTheStoreAsItWasAndImagesCanBeRemoved) {
  const TempDir temp;
  Child child([&] {
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(77);
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(77);
    fill_and_remove(temp.path());
  });
  const int status = child.wait();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no mount namespaces here";
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(FullDisk, AFileSizeLimitIsAnErrorThatLeavesNothing) {
  const TempDir temp;
  const fs::path root = temp / "store";
  Child child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit { 1 << 20, 1 << 20 };
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Store store = open_store(root);
    const std::string text(2 << 20, 'x');
    if (test::error_of([&] {
          Transaction transaction = store.begin();
          test::put_text(transaction, text, image::MediaType::kOciConfig);
        }).empty()) {
      ::_exit(2);
    }
    test::store_image(store, "small", {"app"});
  });
  EXPECT_EQ(child.wait(), 0);
  Store store = open_store(root);
  EXPECT_EQ(test::entries_in(root / "blobs/sha256"), 2U);
  EXPECT_TRUE(store.find_image("app"));
  EXPECT_TRUE(store.check().empty());
}

}  // namespace
}  // namespace bld::store
