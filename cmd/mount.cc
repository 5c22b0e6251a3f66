// bld mount, bld umount
#include <fmt/format.h>

#include "base/error.h"
#include "builder/mount_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/listing.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

struct Mounted {
  std::string name, path;
};

class Mount : public Command {
 public:
  void declare(FlagSet& flags) override { flags.add_bool("json", json_, "print JSON"); }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    std::vector<Mounted> mounted;
    for (const std::string& name : arguments) {
      const builder::WorkingContainer container = builder::get_container(app.store(), name);
      mounted.push_back({name, builder::mount_container(container, app.store())});
    }
    if (arguments.empty()) mounted = list(app.store());
    if (json_) {
      print_json(mounted);
      return 0;
    }
    // A script that mounts one container wants its path and nothing else.
    for (const auto& [name, path] : mounted) {
      print(arguments.size() == 1 ? path + "\n" : fmt::format("{} {}\n", name, path));
    }
    return 0;
  }

 private:
  static std::vector<Mounted> list(store::Store& store) {
    std::vector<Mounted> mounted;
    for (const builder::WorkingContainer& container : builder::list_containers(store)) {
      const std::string path = builder::mount_point_of(container, store);
      if (!path.empty()) mounted.push_back({container.record.name, path});
    }
    return mounted;
  }

  static void print_json(const std::vector<Mounted>& mounted) {
    Value::List rows;
    for (const auto& [name, path] : mounted) {
      rows.push_back(Value::Record{{{"container", "", name}, {"mountPoint", "", path}}});
    }
    print(json_text(rows));
  }

  bool json_ = false;
};

class Umount : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all,a", all_, "unmount all working containers");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    if (all_ && !arguments.empty()) {
      throw base::Error(
          "when using the --all switch, you may not pass any container IDs");
    }
    if (!all_) expect_arguments(arguments, 1, -1, "at least one container ID must be specified");
    std::vector<std::string> wanted = arguments;
    if (all_) {
      for (const auto& container : app.store().containers()) wanted.push_back(container.id);
    }
    for (const std::string& name : wanted) {
      const builder::WorkingContainer container = builder::get_container(app.store(), name);
      if (builder::unmount_container(container, app.store())) print(container.record.id + "\n");
    }
    return 0;
  }

 private:
  bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> make_mount() { return std::make_unique<Mount>(); }

std::unique_ptr<Command> make_umount() { return std::make_unique<Umount>(); }

}  // namespace bld::cmd
