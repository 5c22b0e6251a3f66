#include "layers/compression.h"
#include "layers/tar_writer.h"
#include "tests/store/fixture.h"

namespace bld::store {
namespace {

using test::error_of;
using test::open_store;
using test::TempDir;
namespace fs = std::filesystem;

struct Blob {
  std::string bytes;
  image::Descriptor descriptor;
  image::DiffId diff_id;
};

Blob blob_of(const std::string& tar, layers::Compression compression) {
  base::StringSink sink;
  if (compression == layers::Compression::kNone) {
    sink.text = tar;
  } else {
    const auto compressor = layers::compress(sink, {.compression = compression});
    compressor->write(base::as_bytes(tar));
    compressor->finish();
  }
  Blob blob;
  blob.bytes = sink.text;
  blob.diff_id = image::DiffId{image::Digest::of(base::as_bytes(tar))};
  blob.descriptor.media_type = compression == layers::Compression::kNone
                                   ? image::MediaType::kOciLayerTar
                                   : image::MediaType::kOciLayerGzip;
  blob.descriptor.digest = image::Digest::of(base::as_bytes(blob.bytes));
  blob.descriptor.size = blob.bytes.size();
  return blob;
}

// A tar of one file; its directory is listed only if asked for.
enum class Listed { kNo, kYes };

std::string tar_of(const std::string& directory, const std::string& text, Listed listed,
                   std::uint32_t mode = 0755) {
  base::StringSink tar;
  layers::TarWriter writer(tar);
  layers::FileEntry entry;
  if (listed == Listed::kYes) {
    entry.path = directory;
    entry.type = layers::FileEntry::Type::kDirectory;
    entry.mode = mode;
    writer.add(entry, nullptr);
  }
  entry = {};
  entry.path = directory + "/file";
  entry.mode = 0644;
  entry.size = text.size();
  base::MemorySource content(text);
  writer.add(entry, &content);
  writer.finish();
  return tar.text;
}

Layer ingest(Store& store, const Blob& blob, Extract extract = Extract::kNo) {
  Transaction transaction = store.begin();
  base::MemorySource source(blob.bytes);
  const Layer layer = transaction.ingest_layer(source, blob.descriptor, blob.diff_id, extract);
  std::move(transaction).commit();
  return layer;
}

class Layers : public testing::Test {
 protected:
  std::string read(const Layer& layer, const std::string& path) {
    std::ifstream file(store.tree_path(layer.tree_id) / path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TempDir temp;
  Store store = open_store(temp / "store");
};

TEST_F(Layers, ACommittedTreeGivesItsBlob) {
  const Layer made = test::make_layer(store, "text");
  Transaction transaction = store.begin();
  transaction.record_layer(made);
  std::move(transaction).commit();
  const std::optional<Layer> layer = store.find_layer(made.diff_id);
  ASSERT_TRUE(layer);
  EXPECT_EQ(read(*layer, "file"), "text");
  EXPECT_TRUE(layer->blobs.empty());
  const image::Descriptor tar = store.ensure_blob(made.diff_id, layers::Compression::kNone);
  EXPECT_EQ(tar.digest, made.diff_id.digest);
  EXPECT_EQ(tar.size, made.tar_size_bytes);
  const image::Descriptor gzip = store.ensure_blob(made.diff_id, layers::Compression::kGzip);
  EXPECT_EQ(gzip.media_type, image::MediaType::kOciLayerGzip);
  EXPECT_EQ(store.ensure_blob(made.diff_id, layers::Compression::kGzip), gzip);
  EXPECT_EQ(store.find_layer_of_blob(gzip.digest)->diff_id, made.diff_id);
  EXPECT_EQ(store.find_layer(made.diff_id)->blobs.size(), 2U);
  EXPECT_TRUE(store.check().empty());
}

TEST_F(Layers, ATreeThatChangedIsNotSealedAgain) {
  const Layer made = test::make_layer(store, "text");
  Transaction transaction = store.begin();
  transaction.record_layer(made);
  std::move(transaction).commit();
  test::write_text(store.tree_path(made.tree_id) / "file", "evil");
  EXPECT_NE(error_of([&] {
              store.ensure_blob(made.diff_id, layers::Compression::kGzip);
            }).find("is damaged in the store"),
            std::string::npos);
}

TEST_F(Layers, SealOptionsAreKept) {
  ActiveTree tree = store.new_tree();
  test::write_text(tree.fs() / "file", "text");
  layers::SealOptions options;
  options.max_mtime = 1000;
  options.parent_root.emplace();
  options.parent_root->type = layers::FileEntry::Type::kDirectory;
  options.parent_root->mode = 0700;
  options.parent_root->xattrs["user.x"] = std::string("\0\xff", 2);
  const layers::SealedLayer sealed = layers::seal(base::RootedDir::open(tree.fs()), options);
  Layer layer;
  layer.diff_id = sealed.diff_id;
  layer.tar_size_bytes = sealed.tar_size;
  layer.sealed_with = options;
  layer.tree_id = store.commit_tree(tree);
  Transaction transaction = store.begin();
  transaction.record_layer(layer);
  std::move(transaction).commit();
  EXPECT_EQ(store.ensure_blob(layer.diff_id, layers::Compression::kNone).digest,
            layer.diff_id.digest);
}

TEST_F(Layers, ATreeWithoutItsTarIsRefused) {
  Layer layer = test::make_layer(store, "text");
  layer.sealed_with.reset();
  Transaction transaction = store.begin();
  EXPECT_NE(error_of([&] { transaction.record_layer(layer); }), "");
}

TEST_F(Layers, AnActiveTreeGoesUnlessCommitted) {
  fs::path fs_path;
  {
    const ActiveTree tree = store.new_tree();
    fs_path = tree.fs();
    EXPECT_EQ(fs::status(fs_path).permissions(), fs::perms(0755));
    test::write_text(fs_path / "file", "text");
  }
  EXPECT_FALSE(fs::exists(fs_path.parent_path()));
}

TEST_F(Layers, WhatACommittedTreeLeavesIsUsedAgainAndEmpty) {
  fs::path fs_path;
  std::string id;
  {
    ActiveTree tree = store.new_tree();
    fs_path = tree.fs();
    test::write_text(fs_path / "file", "text");
    fs::create_directories(tree.work() / "work/incompat/volatile");
    test::write_text(tree.work() / "work/incompat/volatile/dirty", "");
    fs::permissions(tree.work() / "work", fs::perms::none);
    fs::permissions(fs_path, fs::perms(0700));
    id = store.commit_tree(tree);
  }
  const ActiveTree next = store.new_tree();
  EXPECT_EQ(next.fs(), fs_path);
  EXPECT_TRUE(fs::is_empty(next.fs()));
  EXPECT_TRUE(fs::is_empty(next.work()));
  EXPECT_EQ(fs::status(next.fs()).permissions(), fs::perms(0755));
  EXPECT_TRUE(fs::exists(store.tree_path(id) / "file"));
  EXPECT_NE(store.new_tree().fs(), fs_path);  // while it is in use
}

TEST_F(Layers, APulledBlobBecomesATreeOnDemand) {
  const Blob blob = blob_of(tar_of("dir", "text", Listed::kYes), layers::Compression::kGzip);
  const Layer pulled = ingest(store, blob);
  EXPECT_TRUE(pulled.tree_id.empty());
  EXPECT_FALSE(pulled.implied_parents);
  const Layer layer = store.ensure_tree(blob.diff_id);
  EXPECT_EQ(read(layer, "dir/file"), "text");
  EXPECT_EQ(store.ensure_tree(blob.diff_id).tree_id, layer.tree_id);
  EXPECT_EQ(store.find_layer(blob.diff_id)->tree_id, layer.tree_id);
  EXPECT_EQ(store.ensure_blob(blob.diff_id, layers::Compression::kNone).digest,
            blob.diff_id.digest);
  EXPECT_TRUE(store.check().empty());
}

TEST_F(Layers, PullingMayExtractAtOnce) {
  const Blob blob = blob_of(tar_of("dir", "text", Listed::kYes), layers::Compression::kGzip);
  const Layer layer = ingest(store, blob, Extract::kYes);
  EXPECT_EQ(read(layer, "dir/file"), "text");
  EXPECT_EQ(store.ensure_tree(blob.diff_id).tree_id, layer.tree_id);
}

TEST_F(Layers, AWrongDiffIdOrDigestLeavesNothing) {
  const Blob right = blob_of(tar_of("dir", "text", Listed::kYes), layers::Compression::kGzip);
  Blob wrong_diff_id = right;
  wrong_diff_id.diff_id.digest = image::Digest::of(base::as_bytes("other"));
  Blob wrong_digest = right;
  wrong_digest.descriptor.digest = image::Digest::of(base::as_bytes("other"));
  Blob cut = right;
  cut.bytes.resize(cut.bytes.size() / 2);
  Blob longer = right;
  longer.bytes += "x";
  Blob no_tar = blob_of(std::string(1000, 'x'), layers::Compression::kGzip);
  {
    Store other = open_store(temp / "store");
    for (const Extract extract : {Extract::kNo, Extract::kYes}) {
      for (const Blob& blob : {wrong_diff_id, wrong_digest, cut, longer, no_tar}) {
        EXPECT_NE(error_of([&] { ingest(other, blob, extract); }), "");
      }
    }
  }
  EXPECT_EQ(test::entries_in(temp / "store/blobs/sha256"), 0U);
  EXPECT_EQ(test::entries_in(temp / "store/trees"), 0U);
}

TEST_F(Layers, ImpliedDirectoriesLookAsInTheParents) {
  const Blob low = blob_of(tar_of("dir", "low", Listed::kYes, 0700), layers::Compression::kGzip);
  const Blob other = blob_of(tar_of("dir", "low", Listed::kYes, 0711), layers::Compression::kGzip);
  const Blob top = blob_of(tar_of("dir", "top", Listed::kNo), layers::Compression::kGzip);
  for (const Blob& blob : {low, other, top}) ingest(store, blob);
  EXPECT_TRUE(store.find_layer(top.diff_id)->implied_parents);
  const image::DiffId below[] = {low.diff_id};
  const image::DiffId other_below[] = {other.diff_id};
  const Layer layer = store.ensure_tree(top.diff_id, below);
  EXPECT_EQ(fs::status(store.tree_path(layer.tree_id) / "dir").permissions(), fs::perms(0700));
  const Layer second = store.ensure_tree(top.diff_id, other_below);
  EXPECT_NE(second.tree_id, layer.tree_id);
  EXPECT_EQ(fs::status(store.tree_path(second.tree_id) / "dir").permissions(), fs::perms(0711));
  EXPECT_EQ(store.ensure_tree(top.diff_id, below).tree_id, layer.tree_id);
  EXPECT_TRUE(store.find_layer(top.diff_id)->tree_id.empty());
  EXPECT_TRUE(store.check().empty());
}

TEST_F(Layers, ATreeRemovedByHandIsMadeAgain) {
  const Blob blob = blob_of(tar_of("dir", "text", Listed::kYes), layers::Compression::kNone);
  const Layer layer = ingest(store, blob, Extract::kYes);
  fs::remove_all(store.tree_path(layer.tree_id));
  EXPECT_EQ(read(store.ensure_tree(blob.diff_id), "dir/file"), "text");
}

}  // namespace
}  // namespace bld::store
