#include "cmd/app.h"

#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "builder/copied_roots.h"
#include "builder/copying_runner.h"
#include "builder/fuse_runner.h"
#include "cmd/containers_conf.h"
#include "cmd/exit_code.h"
#include "cmd/render_error.h"
#include "cmd/run_flags.h"
#include "cmd/standard_streams.h"
#include "cmd/usage.h"
#include "runtime/fuse_overlay.h"
#include "store/owner_mode.h"

namespace bld::cmd {

using base::Error;

std::filesystem::path App::store_root() const {
  if (!globals_.root.empty()) return globals_.root;
  // Root of a user namespace that somebody else made is still an ordinary user's root.
  const bool is_root = isolation_ ? isolation_->original_uid == 0 && !isolation_->in_user_namespace
                                  : ::geteuid() == 0 && !runtime::is_user_namespace();
  return store::default_root(is_root);
}

namespace {

std::string single_id_note(const runtime::Isolation& isolation) {
  return fmt::format(
      "note: only one id is mapped: {}; ownership is recorded, not set. For more: {}\n",
      isolation.shortfall, isolation.remedy);
}

}  // namespace

void App::start(Needs needs) {
  if (needs == Needs::kNothing) return;
  if (needs == Needs::kNamespaces || needs == Needs::kContainers) {
    enter();
  }
  if (needs == Needs::kContainers) {
    launcher_ = runtime::Launcher::start(is_chroot() ? runtime::Confinement::kChroot
                                                     : runtime::Confinement::kContainer);
  }
  signals_ = std::make_unique<Signals>();
  store_ = store::Store::open(
      {.root = store_root(),
       .waiting =
           [](const std::string& container) {
             print_error(fmt::format("waiting until another command in {} ends\n", container));
           },
       .stop = stop_token()});
  if (isolation_) make_roots();
  if (!isolation_ || isolation_->kind != runtime::IsolationKind::kSingleId) return;
  if (!store::owner_mode(store_root())) store::choose_recorded_owners(store_root());
  if (needs == Needs::kContainers) print_error(single_id_note(*isolation_));
}

void App::enter() {
  runtime::EnterOptions options;
  const std::filesystem::path root = store_root();
  const auto mode = store::owner_mode(root);
  if (mode == store::OwnerMode::kRecorded) {
    options.only_one_id = fmt::format("the store {} was made so", root.string());
  }
  isolation_ = runtime::enter_namespaces(options);
  const bool is_single = isolation_->kind == runtime::IsolationKind::kSingleId;
  if (is_single && mode == store::OwnerMode::kSet) {
    throw Error("the store {} needs more than one id, and only one is mapped: {}", root.string(),
                isolation_->shortfall)
        .hint(isolation_->remedy + "; or name another store with --root");
  }
  if (!is_single && mode == store::OwnerMode::kRecorded) {
    throw Error("the store {} is that of an ordinary user with one id mapped", root.string())
        .hint("name another store with --root");
  }
  if (is_single && !options.only_one_id.empty()) {
    isolation_->remedy = fmt::format(
        "begin a new store: name one with --root, or `bld unshare rm -rf {}`", root.string());
  }
}

// The kernel refuses overlays that write to an overlay, and all mounts in a chroot.
void App::make_roots() {
  if (is_chroot()) {
    copy_roots();
    if (!launcher_) return;
    print_error(
        "note: namespaces and mounts are refused here: commands run in a chroot, with the network "
        "and the processes of this container (see bld doctor)\n");
    return;
  }
  if (!runtime::is_on_overlay(store_->root())) {
    roots_ = std::make_unique<builder::MountedRoots>(*store_);
    return;
  }
  const std::string obstacle = runtime::why_no_fuse_overlay(store_->root());
  if (obstacle.empty()) {
    auto mounted = std::make_unique<builder::FuseRoots>(*store_);
    if (launcher_) runner_ = std::make_unique<builder::FuseRunner>(*launcher_, *mounted);
    roots_ = std::move(mounted);
    return;
  }
  // Copies would lose the owners that are recorded with one id mapped.
  if (isolation_->kind == runtime::IsolationKind::kSingleId) {
    throw Error("the store {} is on an overlay, upon which the kernel mounts no other: {}",
                store_root().string(), obstacle)
        .hint("name a store elsewhere with --root");
  }
  copy_roots();
  if (!launcher_) return;
  print_error(fmt::format(
      "note: the store is on an overlay: each step works on a copy of its files, since {} (a "
      "volume for the store is fastest)\n",
      obstacle));
}

void App::copy_roots() {
  auto copied = std::make_unique<builder::CopiedRoots>(*store_);
  if (launcher_) {
    runner_ = std::make_unique<builder::CopyingRunner>(*launcher_, *copied, *store_);
  }
  roots_ = std::move(copied);
}

store::Store& App::store() {
  BLD_CHECK(store_.has_value());
  return *store_;
}

runtime::ContainerRunner& App::containers() {
  BLD_CHECK(launcher_ != nullptr);
  if (runner_) return *runner_;
  return *launcher_;
}

builder::Roots& App::roots() {
  BLD_CHECK(roots_ != nullptr);
  return *roots_;
}

bool App::is_chroot() const { return isolation().kind == runtime::IsolationKind::kChroot; }

const runtime::Isolation& App::isolation() const {
  BLD_CHECK(isolation_.has_value());
  return *isolation_;
}

std::stop_token App::stop_token() { return signals_ ? signals_->token() : std::stop_token(); }

void declare_globals(FlagSet& flags, GlobalOptions& globals) {
  flags.add_text("root", "DIR", globals.root, "directory of the store");
  flags.accept("log-level", "LEVEL",
               "errors and warnings are always shown, and there is nothing more to tell",
               {"trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"});
  flags.accept("debug", "", "see --log-level");
  flags.accept("runroot", "DIR", "nothing that outlives a command is outside of --root");
  flags.accept("storage-driver", "NAME", "the store finds out by itself what works on this machine",
               {"overlay", "overlay2", "vfs", "btrfs", "zfs", "aufs", "devicemapper"});
  flags.accept("storage-opt", "OPTION", "they are for the drivers of containers/storage");
  flags.accept("cgroup-manager", "NAME", "limits are written to the control groups directly",
               {"systemd", "cgroupfs", "disabled"});
  flags.add_bool("help,h", globals.help, "show this text");
  flags.add(
      "registries-conf", "FILE",
      [](const std::string& text) { ::setenv("CONTAINERS_REGISTRIES_CONF", text.c_str(), 1); },
      "read this instead of registries.conf; as CONTAINERS_REGISTRIES_CONF");
  flags.add(
      "short-name-alias-conf", "FILE",
      [](const std::string& text) { ::setenv("BLD_SHORT_NAME_ALIASES", text.c_str(), 1); },
      "read this instead of the user's short-name-aliases.conf");
  flags.add(
      "registries-conf-dir", "DIR",
      [](const std::string& text) { ::setenv("BLD_REGISTRIES_CONF_DIR", text.c_str(), 1); },
      "read *.conf of this directory instead of registries.conf.d");
  flags.accept("transient-store", "", "what is kept of a container is too little to cost time");
  flags.refuse("imagestore", "images and containers are in one store: --root says where");
  flags.add(
      "default-mounts-file", "FILE",
      [](const std::string& text) { ::setenv("BLD_DEFAULT_MOUNTS_FILE", text.c_str(), 1); },
      "read this instead of mounts.conf");
  for (const char* name : {"cpu-profile", "memory-profile"}) {
    flags.refuse(name, "perf record bld … measures any program");
  }
}

namespace {

const CommandEntry* find_command(std::string_view name) {
  for (const CommandEntry& entry : commands()) {
    for (const std::string& known : entry.names) {
      if (known == name) return &entry;
    }
  }
  return nullptr;
}

Error unknown_command(std::string_view name) {
  Error error("unknown command \"{}\" for \"bld\"", name);
  std::vector<std::string_view> known;
  for (const CommandEntry& entry : commands()) {
    known.insert(known.end(), entry.names.begin(), entry.names.end());
  }
  if (const auto meant = base::nearest(name, known)) {
    error.hint(fmt::format("did you mean {}?", *meant));
  }
  return error;
}

// The flags in front of the command.
struct Front {
  std::vector<std::string> rest;  // the command and what follows it
  std::string usage;
};

Front parse_front(const std::vector<std::string>& words, GlobalOptions& globals) {
  FlagSet flags;
  declare_globals(flags, globals);
  flags.add_bool("version,v", globals.version, "show the version");
  for (const char* name : {"userns-uid-map", "userns-gid-map"}) {
    flags.refuse(name, std::string(kNoIdMaps));
  }
  Front front;
  front.rest = flags.parse(words, FlagPlacement::kBeforeArguments);
  front.usage = flags.usage();
  return front;
}

int run_command(const CommandEntry& entry, std::span<const std::string> words,
                GlobalOptions& globals, int& signal) {
  const std::unique_ptr<Command> command = entry.make();
  FlagSet flags;
  declare_globals(flags, globals);
  command->declare(flags);
  const auto arguments = flags.parse(words, entry.placement);
  if (globals.help) {
    print(usage_of(entry, flags));
    return kSuccess;
  }
  if (entry.needs != Needs::kNothing) set_engine_environment(ContainersConf::here());
  App app(globals);

  // Also when an Error goes past: what a stopped build says is not the point then.
  struct Note {
    ~Note() { signal = app.signal(); }

    App& app;
    int& signal;
  } note{app, signal};

  app.start(command->needs(entry.needs));
  return command->run(app, flags, arguments);
}

int dispatch(const std::vector<std::string>& words, int& signal) {
  GlobalOptions globals;
  const Front front = parse_front(words, globals);
  if (globals.version) {
    print(version_line());
    return kSuccess;
  }
  if (front.rest.empty() || front.rest.front() == "help") {
    if (front.rest.size() > 1) {
      globals.help = true;
    } else {
      print(usage(front.usage));
      return kSuccess;
    }
  }
  const std::string& name = front.rest[globals.help && front.rest.front() == "help" ? 1 : 0];
  const CommandEntry* entry = find_command(name);
  if (entry == nullptr) throw unknown_command(name);
  const std::span<const std::string> rest(front.rest);
  return run_command(*entry, front.rest.front() == "help" ? rest.subspan(2) : rest.subspan(1),
                     globals, signal);
}

}  // namespace

int run_app(const std::vector<std::string>& words) {
  int signal = 0;
  try {
    const int status = dispatch(words, signal);
    if (signal == 0 || status == kSuccess) return status;
  } catch (const Error& error) {
    if (signal == 0) {
      print_error(render_error(error, ErrorStyle::of(STDERR_FILENO)));
      return error.exit_status().value_or(kOwnError);
    }
  } catch (const std::exception& error) {
    if (signal == 0) {
      print_error(render_error(Error("{}", error.what())));
      return kOwnError;
    }
  }
  print_error(fmt::format("Error: canceled by SIG{}\n", ::sigabbrev_np(signal)));
  return status_of_signal(signal);
}

}  // namespace bld::cmd
