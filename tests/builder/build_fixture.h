// Builds Containerfiles without containers: a store, an event log and a fake runner.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "builder/build.h"
#include "store/store.h"
#include "tests/support/fake_runner.h"
#include "tests/support/temp_dir.h"

namespace bld::test {

class EventLog : public base::EventSink {
 public:
  void send(const base::Event& event) override {
    const base::MutexLock lock(mutex_);
    events_.push_back(event);
  }

  // Outcomes of all instructions, by StepId.
  std::map<base::StepId, base::StepOutcome> outcomes() {
    const base::MutexLock lock(mutex_);
    std::map<base::StepId, base::StepOutcome> result;
    for (const base::Event& event : events_) {
      const auto* finished = std::get_if<base::StepFinished>(&event);
      if (finished != nullptr) result[finished->step] = finished->outcome;
    }
    return result;
  }

 private:
  base::Mutex mutex_;
  std::vector<base::Event> events_ GUARDED_BY(mutex_);
};

class Build : public ::testing::Test {
 protected:
  // What "RUN write NAME TEXT" does; other commands do nothing, and "exit N" exits.
  static int run_command(const std::string& command, const std::filesystem::path& upper,
                         const std::stop_token&) {
    const auto words = base::split(command, ' ');
    if (words[0] == "exit") return std::stoi(words.at(1));
    if (words[0] == "write") std::ofstream(upper / words.at(1)) << words.at(2);
    return 0;
  }

  builder::BuildResult build(const std::string& containerfile, builder::BuildRequest request = {}) {
    temp_.write("context/Containerfile", containerfile);
    request.context = temp_ / "context";
    return builder::build(request, {store_, runner_, roots_, events_}, stop_.get_token());
  }

  image::ImageConfig config(const builder::BuildResult& result) {
    return store_.read_config(result.image_id);
  }

  TempDir temp_;
  store::Store store_ = store::Store::open({.root = temp_ / "store"});
  FakeRunner runner_{run_command};
  builder::MountedRoots roots_{store_};
  EventLog events_;
  std::stop_source stop_;
};

}  // namespace bld::test
