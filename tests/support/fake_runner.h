// Stands in for containers: "runs" a step by calling a function on its upper directory.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>

#include "runtime/launcher.h"

namespace bld::test {

class FakeRunner : public runtime::ContainerRunner {
 public:
  // Gets the shell text of the command and the directory that takes its changes; gives the exit
  // status. Called by several threads at once.
  using Behaviour = std::function<int(const std::string& command,
                                      const std::filesystem::path& upper, std::stop_token stop)>;

  explicit FakeRunner(Behaviour behaviour) : behaviour_(std::move(behaviour)) {}

  runtime::Exit run(const runtime::ContainerSpec& spec, std::stop_token stop) override {
    ++runs;
    runtime::Exit exit;
    exit.status = behaviour_(spec.args.back(), std::get<runtime::OverlayRoot>(spec.root).upper,
                             std::move(stop));
    return exit;
  }

  std::atomic<int> runs = 0;

 private:
  Behaviour behaviour_;
};

}  // namespace bld::test
