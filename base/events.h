// What happens, as values, and the sink they go to. Nothing else in the libraries prints.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/error.h"

namespace bld::base {

using StepId = int;  // counts from 0 within one build, in the order of the Containerfile

// A step of the plan, told once before anything runs.
struct StepPlanned {
  StepId step = 0;
  int stage = 0;  // in the file, from 0
  int stage_count = 1;  // up to the target; some of them may not be built
  std::string stage_name;     // "" if it has none
  int number = 1, count = 1;  // within its stage, as "STEP number/count"
  std::string platform;       // "" unless several are built
  std::string text;           // the instruction as it is shown
};

struct StepStarted {
  StepId step = 0;
};

struct StepLog {
  StepId step = 0;
  bool is_stderr = false;
  std::string bytes;  // as the command wrote them; any boundaries
};

enum class StepOutcome { kDone, kCached, kMetadata, kFailed, kCanceled };

// What a step took: its command, and the thread that did the rest of it.
struct StepUsage {
  std::chrono::microseconds system_time{}, user_time{};
  std::uint64_t input_bytes = 0, output_bytes = 0;  // from and to disks
};

struct StepFinished {
  StepId step = 0;
  StepOutcome outcome = StepOutcome::kDone;
  std::chrono::nanoseconds duration{};
  std::string result_id;  // what "--> ID" shows, empty if there is none
  StepUsage usage = {};
};

// Long work on bytes: a pull, a push, an export. The same `id` again is an update.
struct Transfer {
  std::string id;      // "blob sha256:…", unique among what runs
  std::string action;  // "Copying blob"
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> total;
  bool done = false;
};

struct Warning {
  std::string text;
  std::optional<SourcePosition> position;
  // Of a lint rule, else empty: its name, and the address of what it is about.
  std::string rule = {}, url = {};
};

struct Note {
  std::string text;  // a line for the user that is no warning: "Trying to pull …"
};

using Event =
    std::variant<StepPlanned, StepStarted, StepLog, StepFinished, Transfer, Warning, Note>;

// Called from any thread; must not throw.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void send(const Event& event) = 0;
};

}  // namespace bld::base
