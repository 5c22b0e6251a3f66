// What one RUN step costs beyond its command: the same as step_baseline.c by the runtime library.
//
//   step_runtime LOWER UPPER WORK COUNT [host|none|private]
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/isolation.h"
#include "runtime/launcher.h"

int main(int argc, char** argv) {
  using namespace bld::runtime;
  if (argc < 5) return 2;
  try {
    enter_namespaces();
    const auto launcher = Launcher::start();
    ContainerSpec spec;
    spec.root = OverlayRoot{{argv[1]}, argv[2], argv[3]};
    spec.args = {"/bin/true"};
    spec.env = {"PATH=/bin"};
    const std::string network = argc > 5 ? argv[5] : "host";
    if (network == "none") spec.network = NetworkMode::kNone;
    if (network == "private") spec.network = NetworkMode::kPrivate;
    const int count = std::atoi(argv[4]);
    std::vector<double> times;
    for (int i = 0; i < count; ++i) {
      const auto start = std::chrono::steady_clock::now();
      launcher->run(spec, {});
      const std::chrono::duration<double, std::milli> time =
          std::chrono::steady_clock::now() - start;
      times.push_back(time.count());
    }
    const double first = times.front();
    std::sort(times.begin(), times.end());
    fmt::print("first {:.3f} ms, median {:.3f} ms, best {:.3f} ms\n", first,
               times[times.size() / 2], times.front());
  } catch (const bld::base::Error& error) {
    fmt::print(stderr, "{}\n{}\n", error.what(), error.hint());
    return 1;
  }
  return 0;
}
