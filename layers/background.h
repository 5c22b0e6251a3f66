// Work that goes on beside the thread that moves the bytes, over a short queue of blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <thread>
#include <vector>

#include "base/byte_stream.h"
#include "base/hash.h"
#include "base/mutex.h"

namespace bld::layers {

// Blocks from one thread to another, a few at a time. Either side may close it.
class BlockQueue {
 public:
  using Block = std::vector<std::byte>;

  // Waits for room. False: the other side closed the queue.
  bool push(Block block) EXCLUDES(mutex_);
  // Waits for a block. False: closed and empty.
  bool pop(Block& block) EXCLUDES(mutex_);
  // No more blocks come; those in the queue are still popped.
  void close() EXCLUDES(mutex_);
  // Nobody pops any more.
  void abandon() EXCLUDES(mutex_);

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<Block> blocks_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  bool abandoned_ GUARDED_BY(mutex_) = false;
};

// SHA-256 computed by a thread of its own, which is started only when there is much to hash.
class BackgroundSha256 : public base::ByteSink {
 public:
  BackgroundSha256() = default;
  ~BackgroundSha256() override;

  void write(base::Bytes bytes) override;
  base::Sha256Value finish();  // once

 private:
  BlockQueue::Block block_;
  BlockQueue queue_;
  base::Sha256 hash_;  // the thread's while it runs
  std::thread thread_;
};

// Hashes, by a thread of its own, and counts what is read through it.
class HashingSource : public base::ByteSource {
 public:
  explicit HashingSource(base::ByteSource& source) : source_(source) {}

  std::size_t read(std::span<std::byte> buffer) override;

  std::uint64_t size_bytes() const { return size_; }

  base::Sha256Value finish() { return hash_.finish(); }  // once

 private:
  base::ByteSource& source_;
  BackgroundSha256 hash_;
  std::uint64_t size_ = 0;
};

// Where a tar goes: to its hash, and to a second sink if there is one.
class TarSink : public base::ByteSink {
 public:
  TarSink(base::ByteSink& hash, base::ByteSink* also) : hash_(hash), also_(also) {}

  void write(base::Bytes bytes) override {
    hash_.write(bytes);
    if (also_ != nullptr) also_->write(bytes);
  }

 private:
  base::ByteSink& hash_;
  base::ByteSink* also_;
};

// Reads ahead of its user by a thread of its own, which alone touches `source`. The destructor
// waits for a read that is under way.
class ReadAhead : public base::ByteSource {
 public:
  explicit ReadAhead(base::ByteSource& source);
  ~ReadAhead() override;

  std::size_t read(std::span<std::byte> buffer) override;

 private:
  void run();

  base::ByteSource& source_;
  BlockQueue queue_;
  std::exception_ptr failure_;  // the thread's until the queue is closed
  BlockQueue::Block current_;
  std::size_t position_ = 0;
  std::thread thread_;
};

}  // namespace bld::layers
