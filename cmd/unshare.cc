// bld unshare
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "builder/mount_container.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/options.h"
#include "runtime/isolation.h"

namespace bld::cmd {

namespace {

class Unshare : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_list("mount,m", "[VARIABLE=]CONTAINER", mounts_,
                   "mount the container, and set the variable to the place");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    std::vector<std::string> words = arguments;
    if (words.empty()) {
      const char* shell = std::getenv("SHELL");
      words = {shell != nullptr && shell[0] == '/' ? shell : "/bin/sh"};
    }
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    app.enter();
    if (user != 0) tell_others(user, group);
    if (!mounts_.empty()) mount_all(app.store_root());
    runtime::exec_in_namespaces(words);
  }

 private:
  // By these podman, buildah and skopeo know that they are a user's in a namespace, and use the
  // user's store.
  static void tell_others(uid_t user, gid_t group) {
    ::setenv("_CONTAINERS_USERNS_CONFIGURED", "done", 1);
    ::setenv("_CONTAINERS_ROOTLESS_UID", std::to_string(user).c_str(), 1);
    ::setenv("_CONTAINERS_ROOTLESS_GID", std::to_string(group).c_str(), 1);
  }

  // Not the App's store, whose signals and threads the command would inherit. Without a name the
  // variable is called as the container.
  void mount_all(const std::filesystem::path& root) const {
    store::Store store = store::Store::open({.root = root});
    for (const std::string& text : mounts_) {
      const KeyAndValue pair = parse_key_value(text);
      const std::string& container = pair.value ? *pair.value : pair.key;
      const std::string place =
          builder::mount_container(builder::get_container(store, container), store);
      ::setenv(pair.key.c_str(), place.c_str(), 1);
    }
  }

  std::vector<std::string> mounts_;
};

}  // namespace

std::unique_ptr<Command> make_unshare() { return std::make_unique<Unshare>(); }

}  // namespace bld::cmd
