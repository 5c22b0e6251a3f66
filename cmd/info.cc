// bld info
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/listing.h"
#include "cmd/standard_streams.h"
#include "image/platform.h"
#include "runtime/id_map.h"

namespace bld::cmd {

namespace {

using Entries = std::vector<std::pair<std::string, Value>>;

// NAME="value" lines of os-release(5).
std::string os_release(std::string_view name) {
  try {
    for (const std::string& line : base::split(base::read_file("/etc/os-release", 1 << 16), '\n')) {
      if (!line.starts_with(fmt::format("{}=", name))) continue;
      std::string value = line.substr(name.size() + 1);
      if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
      return value;
    }
  } catch (const base::Error&) {
    // A system without the file has no name.
  }
  return "unknown";
}

// "3h 19m 47s (Approximately 0.12 days)"
std::string uptime_text(long seconds) {
  std::string text;
  if (seconds >= 3600) text += fmt::format("{}h ", seconds / 3600);
  if (seconds >= 60) text += fmt::format("{}m ", seconds / 60 % 60);
  text += fmt::format("{}s", seconds % 60);
  return seconds < 86400 / 100 ? text
                               : text + fmt::format(" (Approximately {:.2f} days)",
                                                    static_cast<double>(seconds) / 86400);
}

Value host_info() {
  struct sysinfo memory = {};
  ::sysinfo(&memory);
  struct utsname names = {};
  ::uname(&names);
  const image::Platform platform = image::Platform::host();
  const auto bytes = [&](unsigned long units) {
    return static_cast<std::int64_t>(units * memory.mem_unit);
  };
  return Value::map(Entries{
      {"CgroupVersion", std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers") ? "v2" : "v1"},
      {"Distribution", Value::map(Entries{{"distribution", os_release("ID")},
                                          {"version", os_release("VERSION_ID")}})},
      {"MemFree", bytes(memory.freeram)},
      {"MemTotal", bytes(memory.totalram)},
      {"OCIRuntime", "bld"},
      {"SwapFree", bytes(memory.freeswap)},
      {"SwapTotal", bytes(memory.totalswap)},
      {"arch", platform.architecture},
      {"cpus", static_cast<int>(base::usable_processors())},
      {"hostname", names.nodename},
      {"kernel", names.release},
      {"os", platform.os},
      {"rootless", ::geteuid() != 0 || runtime::is_user_namespace()},
      {"uptime", uptime_text(memory.uptime)},
      {"variant", platform.variant}});
}

class Info : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_text("format", "TEMPLATE", format_, "print through a Go template");
    flags.add_bool("debug,d", debug_, "also what was built, and how");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 0, 0, "");
    store::Store& store = app.store();
    const auto count = [](std::size_t n) {
      return Value::map(Entries{{"number", static_cast<std::int64_t>(n)}});
    };
    Entries entries{
        {"host", host_info()},
        {"store", Value::map(Entries{{"ContainerStore", count(store.containers().size())},
                                     {"GraphDriverName", "overlay"},
                                     {"GraphOptions", Value::List{}},
                                     {"GraphRoot", store.root().string()},
                                     {"GraphStatus", Value::map(Entries{})},
                                     {"ImageStore", count(store.images().size())},
                                     {"RunRoot", store.root().string()}})}};
    if (debug_) entries.emplace(entries.begin(), "debug", debug_info());
    print_by_format(format_, Value::map(std::move(entries)));
    return 0;
  }

 private:
  static Value debug_info() {
    return Value::map(Entries{{"buildah version", BLD_VERSION}, {"compiler", __VERSION__}});
  }

  std::string format_;
  bool debug_ = false;
};

}  // namespace

std::unique_ptr<Command> make_info() { return std::make_unique<Info>(); }

}  // namespace bld::cmd
