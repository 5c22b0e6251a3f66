#include "runtime/isolation.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/file_io.h"
#include "base/owner_record.h"
#include "base/process.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace bld::runtime {
namespace {

bool has_effective_capability(int number) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[number / 32].effective >> (number % 32) & 1) != 0;
}

std::string user_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry != nullptr ? entry->pw_name : "";
}

// The first line of a file of /proc/sys; empty if there is no such file.
std::string setting(const std::string& path) {
  try {
    return std::string(base::trim(base::read_file("/proc/sys/" + path, 4096)));
  } catch (const base::Error&) {
    return "";
  }
}

// What stands in the way of a user namespace, most specific first.
std::string user_namespace_remedy(int error_number) {
  if (setting("user/max_user_namespaces") == "0" || error_number == ENOSPC) {
    return "user namespaces are switched off: sudo sysctl -w user.max_user_namespaces=15000";
  }
  if (setting("kernel/unprivileged_userns_clone") == "0") {
    return "user namespaces are switched off for users: sudo sysctl -w "
           "kernel.unprivileged_userns_clone=1";
  }
  if (setting("kernel/apparmor_restrict_unprivileged_userns") == "1") {
    return "AppArmor restricts user namespaces: sudo sysctl -w "
           "kernel.apparmor_restrict_unprivileged_userns=0, or install an AppArmor profile with "
           "\"userns,\" for bld";
  }
  return "the sandbox around bld refuses user namespaces; in a container, start it with "
         "--security-opt seccomp=unconfined --security-opt apparmor=unconfined, or run bld as root";
}

void make_mounts_private() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    throw base::Error::sys("mount", "/ (making it private)");
  }
}

// For root. False where the container around us refuses it, by its filter, its capabilities or its
// security module.
bool enter_mount_namespace() {
  if (::unshare(CLONE_NEWNS) == 0) {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return true;
  }
  if (errno == EPERM || errno == EACCES || errno == ENOSYS) return false;
  throw base::Error::sys("unshare", "mount namespace");
}

// What nobody can do without: the files of an image belong to many users, and its commands run as
// any of them.
void check_chroot_capabilities() {
  constexpr std::pair<int, const char*> kNeeded[] = {{CAP_SYS_CHROOT, "SYS_CHROOT"},
                                                     {CAP_CHOWN, "CHOWN"},
                                                     {CAP_DAC_OVERRIDE, "DAC_OVERRIDE"},
                                                     {CAP_FOWNER, "FOWNER"},
                                                     {CAP_SETUID, "SETUID"},
                                                     {CAP_SETGID, "SETGID"},
                                                     {CAP_KILL, "KILL"},
                                                     {CAP_MKNOD, "MKNOD"}};
  for (const auto& [number, name] : kNeeded) {
    if (has_effective_capability(number)) continue;
    throw base::Error("the container around bld allows neither mounts nor CAP_{}", name)
        .hint(
            fmt::format("start it with --cap-add {}, which is among Docker's default ones", name));
  }
}

std::vector<IdMap> subordinate_ids(const std::string& file, uid_t uid) {
  const std::string name = user_name(uid);
  std::vector<IdMap> ranges;
  if (std::filesystem::exists(file)) {
    ranges = parse_subordinate_ids(base::read_file(file, 1 << 20), name, uid);
  }
  if (ranges.empty()) {
    const std::string shown = name.empty() ? std::to_string(uid) : name;
    throw base::Error("user {} has no subordinate ids in {}", shown, file)
        .hint(fmt::format("add a line \"{0}:100000:65536\" to /etc/subuid and /etc/subgid: sudo "
                          "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {0}",
                          shown));
  }
  return ranges;
}

std::string find_map_tool(const char* name) {
  std::string path = base::find_program(name);
  if (path.empty()) {
    throw base::Error("{} is not installed", name)
        .hint("sudo apt install uidmap (Debian, Ubuntu), sudo dnf install shadow-utils (Fedora)");
  }
  return path;
}

std::vector<std::string> map_command(const char* tool, const std::vector<IdMap>& map) {
  std::vector<std::string> words = {find_map_tool(tool), std::to_string(::getpid())};
  for (const IdMap& range : map) {
    for (const std::uint32_t number : {range.container, range.host, range.count}) {
      words.push_back(std::to_string(number));
    }
  }
  return words;
}

// newuidmap or newgidmap for this process. It has its rights only in the namespace around us, so it
// is forked before we leave that, and starts when it is told to.
class MapWriter {
 public:
  MapWriter(const char* tool, const std::vector<IdMap>& map) : command_(map_command(tool, map)) {
    std::vector<char*> argv;
    for (std::string& word : command_) argv.push_back(word.data());
    argv.push_back(nullptr);
    base::Pipe go = base::make_pipe(), output = base::make_pipe();
    child_ = ::fork();
    if (child_ < 0) throw base::Error::sys("fork", tool);
    if (child_ == 0) {
      go.write.reset();
      char byte = 0;
      if (::read(go.read.get(), &byte, 1) != 1) ::_exit(0);  // the parent gave up
      ::dup2(output.write.get(), STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    go_ = std::move(go.write);
    output_ = std::move(output.read);
  }

  ~MapWriter() {
    go_.reset();
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
  }

  MapWriter(const MapWriter&) = delete;
  MapWriter& operator=(const MapWriter&) = delete;

  void start() { base::write_all(go_.get(), base::as_bytes("x")); }

  void finish() {
    const std::string said = base::read_fd(output_.get(), 1 << 16);
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0) {
      if (errno != EINTR) throw base::Error::sys("waitpid", command_[0]);
    }
    child_ = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    throw base::Error("{} failed: {}", command_[0], base::printable(base::trim(said)))
        .hint(
            "newuidmap and newgidmap need the set-uid bit or file capabilities (sudo chmod u+s "
            "/usr/bin/newuidmap /usr/bin/newgidmap), and the ranges of /etc/subuid and "
            "/etc/subgid must be valid");
  }

 private:
  std::vector<std::string> command_;
  base::UniqueFd go_, output_;
  pid_t child_ = -1;
};

void leave_user_namespace() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) return;
  const int error_number = errno;
  throw base::Error::sys("unshare", "user namespace", error_number)
      .hint(user_namespace_remedy(error_number));
}

void write_setting(const char* path, const std::string& text) {
  const base::UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file) throw base::Error::sys("open", path);
  base::write_all(file.get(), base::as_bytes(text));
}

// What every user may: itself as root, and nobody else. In the new namespace.
void map_one_id(uid_t uid, gid_t gid) {
  write_setting("/proc/self/setgroups", "deny");
  write_setting("/proc/self/uid_map", fmt::format("0 {} 1\n", uid));
  write_setting("/proc/self/gid_map", fmt::format("0 {} 1\n", gid));
}

// newuidmap and newgidmap with what they are to write.
struct Writers {
  Writers(const EnterOptions& options, uid_t uid, gid_t gid)
      : uids("newuidmap", container_map(uid, subordinate_ids(options.subuid_file, uid))),
        gids("newgidmap", container_map(gid, subordinate_ids(options.subgid_file, uid))) {}

  MapWriter uids, gids;
};

// What one of them says, or nothing.
std::optional<base::Error> trouble_of(MapWriter& writer) try {
  writer.finish();
  return std::nullopt;

} catch (const base::Error& error) {
  return error;
}

void fall_short(Isolation& result, const base::Error& why) {
  result.kind = IsolationKind::kSingleId;
  result.shortfall = why.message();
  result.remedy = why.hint();
}

void enter_user_namespace(const EnterOptions& options, Isolation& result) {
  const uid_t uid = result.original_uid;
  const gid_t gid = result.original_gid;
  result.kind = IsolationKind::kUserNamespace;
  std::unique_ptr<Writers> writers;
  if (!options.only_one_id.empty()) {
    fall_short(result, base::Error("{}", options.only_one_id));
  } else {
    try {
      writers = std::make_unique<Writers>(options, uid, gid);
    } catch (const base::Error& error) {
      fall_short(result, error);
    }
  }
  leave_user_namespace();
  if (writers) {
    writers->uids.start();
    writers->gids.start();
    const auto uid_trouble = trouble_of(writers->uids), gid_trouble = trouble_of(writers->gids);
    // A map is written once: after one of them there is no way back.
    if (uid_trouble && !gid_trouble) throw base::Error(*uid_trouble);
    if (gid_trouble && !uid_trouble) throw base::Error(*gid_trouble);
    if (uid_trouble) fall_short(result, *uid_trouble);
  }
  if (result.kind == IsolationKind::kSingleId) map_one_id(uid, gid);
  if (::setresgid(0, 0, 0) != 0) throw base::Error::sys("setresgid", "0");
  if (::setresuid(0, 0, 0) != 0) throw base::Error::sys("setresuid", "0");
}

}  // namespace

Isolation enter_namespaces(const EnterOptions& options) {
  Isolation result;
  result.original_uid = ::geteuid();
  result.original_gid = ::getegid();
  if (result.original_uid != 0) {
    enter_user_namespace(options, result);
    make_mounts_private();
  } else if (!enter_mount_namespace()) {
    check_chroot_capabilities();
    result.kind = IsolationKind::kChroot;
  }
  result.uid_map = current_uid_map();
  result.gid_map = current_gid_map();
  result.in_user_namespace = is_user_namespace();
  if (result.kind == IsolationKind::kRoot && base::records_owners()) {
    fall_short(result, base::Error("the user namespace around bld maps one id")
                           .hint("make it with more: unshare --map-auto instead of --map-root-user "
                                 "alone, or run bld outside of it"));
  }
  return result;
}

void exec_in_namespaces(const std::vector<std::string>& args) {
  if (args.empty()) throw base::Error("no command given");
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  // execvp() would tell of a folder of PATH that it may not look into, and not of what is missing.
  const std::string program =
      args[0].find('/') == std::string::npos ? base::find_program(args[0]) : args[0];
  if (program.empty()) {
    throw base::Error("exec {}: executable file not found in $PATH", args[0]).exit_status(127);
  }
  ::execv(program.c_str(), argv.data());
  const int error_number = errno;
  throw base::Error::sys("exec", args[0], error_number)
      .exit_status(error_number == ENOENT || error_number == ENOTDIR ? 127 : 126);
}

}  // namespace bld::runtime
