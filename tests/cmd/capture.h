// What a renderer writes, as text.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/events.h"
#include "cmd/renderer.h"

namespace bld::test {

// A file without a name.
class Capture {
 public:
  Capture() : file_(std::tmpfile()) {}

  ~Capture() { std::fclose(file_); }

  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  int fd() const { return ::fileno(file_); }

  std::string text() const {
    std::string result(static_cast<std::size_t>(::lseek(fd(), 0, SEEK_END)), '\0');
    const ssize_t size = ::pread(fd(), result.data(), result.size(), 0);
    result.resize(static_cast<std::size_t>(size));
    return result;
  }

 private:
  std::FILE* file_;
};

struct Outputs {
  Capture out, err;
  cmd::Streams streams{out.fd(), err.fd()};
};

inline base::StepPlanned planned(int step, int number, int count, std::string text, int stage = 0,
                                 int stage_count = 1, std::string stage_name = "") {
  base::StepPlanned event;
  event.step = step;
  event.stage = stage;
  event.stage_count = stage_count;
  event.stage_name = std::move(stage_name);
  event.number = number;
  event.count = count;
  event.text = std::move(text);
  return event;
}

inline base::StepFinished finished(int step, base::StepOutcome outcome, std::string id = "") {
  return {step, outcome, std::chrono::milliseconds(200), std::move(id)};
}

}  // namespace bld::test
