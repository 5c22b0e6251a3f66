// What renderers have in common.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "base/events.h"

namespace bld::cmd {

// "[2/3]", "[build 2/3]", "[stage-1 2/3]", with "linux/arm64" in front where several are built.
std::string step_label(const base::StepPlanned& step);

// The instruction on one line, its control characters shown.
std::string instruction_line(const base::StepPlanned& step);

// Cuts bytes into lines as they come; the rest waits for its end.
class LineSplitter {
 public:
  template <typename Take>
  void add(std::string_view bytes, Take take) {
    for (;;) {
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) break;
      rest_ += bytes.substr(0, end);
      if (rest_.ends_with('\r')) rest_.pop_back();
      take(rest_);
      rest_.clear();
      bytes.remove_prefix(end + 1);
    }
    rest_ += bytes;
    // A line without end is cut, so that memory stays bounded.
    if (rest_.size() > kLimitBytes) finish(take);
  }

  template <typename Take>
  void finish(Take take) {
    if (!rest_.empty()) take(rest_);
    rest_.clear();
  }

  const std::string& rest() const { return rest_; }

 private:
  static constexpr std::size_t kLimitBytes = 64 << 10;
  std::string rest_;
};

// Without terminal escapes and control characters; what a carriage return overwrote is gone.
std::string without_escapes(std::string_view line);

// The end of what a step said, for people: after a failure that nobody saw coming.
class LastLines {
 public:
  static constexpr std::size_t kMost = 20;

  void add(std::string_view bytes) {
    splitter_.add(bytes, [this](const std::string& line) { keep(line); });
  }

  void finish() {
    splitter_.finish([this](const std::string& line) { keep(line); });
  }

  void clear() { lines_.clear(); }

  // Without terminal escapes.
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  void keep(const std::string& line);

  LineSplitter splitter_;
  std::deque<std::string> lines_;
};

// The line that tells of a transfer, when it is first heard of; else nothing.
class TransferLines {
 public:
  std::string line_for(const base::Transfer& transfer);

 private:
  std::set<std::string> seen_;
};

}  // namespace bld::cmd
