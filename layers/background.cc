#include "layers/background.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bld::layers {

namespace {
constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::size_t kQueuedBlocks = 4;
}  // namespace

bool BlockQueue::push(Block block) {
  const base::MutexLock lock(mutex_);
  while (blocks_.size() >= kQueuedBlocks && !abandoned_) changed_.wait(mutex_);
  if (abandoned_) return false;
  blocks_.push_back(std::move(block));
  changed_.notify_all();
  return true;
}

bool BlockQueue::pop(Block& block) {
  const base::MutexLock lock(mutex_);
  while (blocks_.empty() && !closed_) changed_.wait(mutex_);
  if (blocks_.empty()) return false;
  block = std::move(blocks_.front());
  blocks_.pop_front();
  changed_.notify_all();
  return true;
}

void BlockQueue::close() {
  const base::MutexLock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void BlockQueue::abandon() {
  const base::MutexLock lock(mutex_);
  abandoned_ = true;
  changed_.notify_all();
}

BackgroundSha256::~BackgroundSha256() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void BackgroundSha256::write(base::Bytes bytes) {
  while (!bytes.empty()) {
    if (block_.capacity() == 0) block_.reserve(kBlockBytes);
    const std::size_t count = std::min(bytes.size(), kBlockBytes - block_.size());
    block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (block_.size() < kBlockBytes) continue;
    if (!thread_.joinable()) {
      thread_ = std::thread([this] {
        BlockQueue::Block block;
        while (queue_.pop(block)) hash_.write(block);
      });
    }
    queue_.push(std::exchange(block_, {}));
  }
}

base::Sha256Value BackgroundSha256::finish() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
  hash_.write(block_);
  return hash_.finish();
}

std::size_t HashingSource::read(std::span<std::byte> buffer) {
  const std::size_t count = source_.read(buffer);
  hash_.write(base::Bytes(buffer).first(count));
  size_ += count;
  return count;
}

ReadAhead::ReadAhead(base::ByteSource& source) : source_(source), thread_([this] { run(); }) {}

ReadAhead::~ReadAhead() {
  queue_.abandon();
  thread_.join();
}

void ReadAhead::run() {
  try {
    for (;;) {
      BlockQueue::Block block(kBlockBytes);
      std::size_t used = 0;
      while (used < block.size()) {
        const std::size_t count = source_.read(std::span(block).subspan(used));
        if (count == 0) break;
        used += count;
      }
      const bool at_end = used < block.size();
      block.resize(used);
      if (used > 0 && !queue_.push(std::move(block))) break;
      if (at_end) break;
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  queue_.close();
}

std::size_t ReadAhead::read(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;
  if (position_ == current_.size()) {
    position_ = 0;
    current_.clear();
    if (!queue_.pop(current_)) {
      if (failure_) std::rethrow_exception(failure_);
      return 0;
    }
  }
  const std::size_t count = std::min(buffer.size(), current_.size() - position_);
  std::memcpy(buffer.data(), current_.data() + position_, count);
  position_ += count;
  return count;
}

}  // namespace bld::layers
