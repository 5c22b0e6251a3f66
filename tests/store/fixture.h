// A store of one test, small layers and images to put into it, and processes that use it.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/rooted_dir.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "layers/seal.h"
#include "store/store.h"
#include "tests/support/temp_dir.h"

namespace bld::test {

inline store::Store open_store(const std::filesystem::path& root,
                               store::Access access = store::Access::kReadWrite) {
  return store::Store::open({.root = root, .access = access});
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::size_t entries_in(const std::filesystem::path& directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++count;
  return count;
}

// A sealed layer of one file, not recorded yet. The same text gives the same layer.
inline store::Layer make_layer(store::Store& store, const std::string& text) {
  store::ActiveTree tree = store.new_tree();
  write_text(tree.fs() / "file", text);
  layers::SealOptions options;
  options.max_mtime = 1;
  const layers::SealedLayer sealed = layers::seal(base::RootedDir::open(tree.fs()), options);
  store::Layer layer;
  layer.diff_id = sealed.diff_id;
  layer.tar_size_bytes = sealed.tar_size;
  layer.sealed_with = options;
  layer.tree_id = store.commit_tree(tree);
  return layer;
}

inline image::Descriptor put_text(store::Transaction& transaction, const std::string& text,
                                  image::MediaType type) {
  base::MemorySource source(text);
  return transaction.put_blob(source, type);
}

// An image of these layers, which are recorded too; `author` makes it differ from others.
inline image::Digest put_image(store::Transaction& transaction,
                               const std::vector<store::Layer>& layers,
                               const std::string& author = "") {
  image::ImageConfig config;
  config.created = "2024-05-06T07:08:09Z";
  config.author = author;
  config.platform.os = "linux";
  config.platform.architecture = "amd64";
  image::Manifest manifest;
  for (const store::Layer& layer : layers) {
    transaction.record_layer(layer);
    config.diff_ids.push_back(layer.diff_id);
    image::Descriptor descriptor;
    descriptor.media_type = image::MediaType::kOciLayerTar;
    descriptor.digest = layer.diff_id.digest;
    descriptor.size = layer.tar_size_bytes;
    manifest.layers.push_back(descriptor);
  }
  manifest.config = put_text(transaction, config.json(), image::MediaType::kOciConfig);
  const image::Descriptor stored =
      put_text(transaction, manifest.json(), image::MediaType::kOciManifest);
  transaction.record_image(stored, manifest.config);
  return stored.digest;
}

// An image with one layer of one file and these names.
inline image::Digest store_image(store::Store& store, const std::string& text,
                                 const std::vector<std::string>& names) {
  store::Transaction transaction = store.begin();
  const image::Digest digest = put_image(transaction, {make_layer(store, text)}, text);
  for (const std::string& name : names) {
    transaction.name_image(image::Reference::parse_local(name), digest);
  }
  std::move(transaction).commit();
  return digest;
}

// A process of its own. Start it before this one opens the store: neither SQLite nor a lock
// survives fork.
class Child {
 public:
  explicit Child(const std::function<void()>& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    try {
      body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }

  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }

  // 0 when its body returned.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

// One process tells another that it got somewhere.
class Signal {
 public:
  Signal() {
    if (::pipe(ends_) != 0) std::abort();
  }

  ~Signal() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void give() {
    if (::write(ends_[1], "x", 1) != 1) std::abort();
  }

  void await() {
    char byte = 0;
    while (::read(ends_[0], &byte, 1) < 0 && errno == EINTR) {
    }
  }

 private:
  int ends_[2];
};

// The message of the Error that `body` throws; empty: it does not.
inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace bld::test
