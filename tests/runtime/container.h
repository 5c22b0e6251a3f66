// A root filesystem with busybox in it, and one launcher for the whole test program.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/unique_fd.h"
#include "runtime/isolation.h"
#include "runtime/launcher.h"
#include "tests/support/temp_dir.h"

namespace bld::test {

struct Runtime {
  runtime::Isolation isolation;
  std::unique_ptr<runtime::Launcher> launcher;
  std::string missing;  // why there is none
};

// Enters the namespaces when first used: before any thread of the program.
inline Runtime& runtime_here() {
  static Runtime instance = [] {
    Runtime result;
    try {
      result.isolation = runtime::enter_namespaces();
      result.launcher = runtime::Launcher::start();
    } catch (const base::Error& error) {
      result.missing = error.what();
    }
    return result;
  }();
  return instance;
}

struct Result {
  runtime::Exit exit;
  std::string output, error_output;
};

class ContainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!runtime_here().launcher) GTEST_SKIP() << runtime_here().missing;
    if (!std::filesystem::exists("/bin/busybox")) GTEST_SKIP() << "no /bin/busybox";
    temp_.emplace();
    ::chmod(temp_->path().c_str(), 0755);
    for (const char* name : {"bin", "tmp", "etc"}) {
      std::filesystem::create_directories(lower() / name);
    }
    ::chmod((lower() / "tmp").c_str(), 01777);
    std::filesystem::copy_file("/bin/busybox", lower() / "bin/busybox");
    for (const char* name :
         {"sh", "cat",      "ls",      "sleep", "id",    "mkdir", "rm",       "mv",   "head",
          "dd", "true",     "grep",    "stat",  "touch", "env",   "hostname", "find", "chmod",
          "ln", "readlink", "mount",   "kill",  "echo",  "sort",  "mknod",    "wc",   "ip",
          "su", "chroot",   "unshare", "cp",    "sync",  "ps",    "setsid"}) {
      std::filesystem::create_symlink("busybox", lower() / "bin" / name);
    }
    std::filesystem::create_directories(upper());
    std::filesystem::create_directories(*temp_ / "work");
  }

  void TearDown() override {
    if (!temp_) return;
    std::error_code ignored;
    std::filesystem::remove_all(*temp_ / "work/work", ignored);
  }

  std::filesystem::path lower() const { return *temp_ / "lower"; }

  std::filesystem::path upper() const { return *temp_ / "upper"; }

  runtime::ContainerSpec spec(const std::string& script) const {
    runtime::ContainerSpec result;
    result.root = runtime::OverlayRoot{{lower()}, upper(), *temp_ / "work"};
    result.args = {"sh", "-c", script};
    result.env = {"PATH=/bin"};
    return result;
  }

  // Runs to the end; the output is collected in files.
  Result run(runtime::ContainerSpec spec, std::stop_token stop = {}) const {
    const std::string id = std::to_string(counter_++);
    const auto output = temp_->write("output" + id, ""), error = temp_->write("error" + id, "");
    const base::UniqueFd output_fd(::open(output.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    const base::UniqueFd error_fd(::open(error.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    spec.stdout_fd = output_fd.get();
    spec.stderr_fd = error_fd.get();
    Result result;
    result.exit = runtime_here().launcher->run(spec, stop);
    result.output = base::read_file(output, 64 << 20);
    result.error_output = base::read_file(error, 64 << 20);
    return result;
  }

  Result run(const std::string& script) const { return run(spec(script)); }

  // The output of a container that another builder starts, in whom `prepare` ran before.
  template <typename Prepare>
  std::string from_builder(const runtime::ContainerSpec& wanted, Prepare prepare) const {
    base::Pipe pipe = base::make_pipe();
    const pid_t builder = ::fork();
    if (builder == 0) {
      pipe.read.reset();
      prepare();
      runtime::ContainerSpec mine = wanted;
      mine.stdout_fd = pipe.write.get();
      runtime::Launcher::start()->run(mine, {});
      ::_exit(0);
    }
    pipe.write.reset();
    std::string output = base::read_fd(pipe.read.get(), 1 << 20);
    ::waitpid(builder, nullptr, 0);
    return output;
  }

  // The names in the upper directory, sorted, "d etc" for a directory.
  std::vector<std::string> upper_names() const {
    std::vector<std::string> result;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(upper())) {
      result.push_back(std::filesystem::relative(entry.path(), upper()).string());
    }
    std::sort(result.begin(), result.end());
    return result;
  }

  std::optional<TempDir> temp_;
  mutable std::atomic<int> counter_ = 0;
};

}  // namespace bld::test
