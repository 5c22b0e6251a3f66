#include "runtime/emulation.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <optional>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/text.h"
#include "runtime/emulated_ids.h"
#include "runtime/emulated_task.h"
#include "runtime/syscall_tree.h"

namespace bld::runtime {
namespace {

constexpr const char* kStatCalls[] = {"stat", "lstat", "fstat", "newfstatat", "statx"};
constexpr const char* kChownCalls[] = {"chown", "lchown", "fchown", "fchownat"};
constexpr const char* kMknodCalls[] = {"mknod", "mknodat"};
constexpr const char* kIdCalls[] = {"setuid",    "setgid",    "setreuid",  "setregid",
                                    "setresuid", "setresgid", "setfsuid",  "setfsgid",
                                    "setgroups", "getuid",    "geteuid",   "getgid",
                                    "getegid",   "getresuid", "getresgid", "getgroups"};

// What the task gets: a value, a negative errno, or what the kernel makes of the call.
struct Answer {
  bool from_kernel = false;
  std::int64_t value = 0;

  static Answer pass() { return {true, 0}; }

  static Answer error(int number) { return {false, -number}; }

  static Answer of(std::int64_t value) { return {false, value}; }
};

// In the thread of one container. Descriptors are used through their names in /proc/self/fd, which
// is the working directory.
class Calls {
 public:
  Calls(int listener, const User& user) : listener_(listener), ids_(files_, user) {}

  Answer answer(const seccomp_notif& call);

 private:
  using Args = const __u64 (&)[6];

  // ── where a call leads ───────────────────────────────────────────────────────────────────────

  struct Place {
    std::uint64_t directory = static_cast<std::uint64_t>(AT_FDCWD);
    std::uint64_t path = 0;  // an address in the task
    bool follow = true;
    bool may_be_empty = false;  // and then means the descriptor itself
  };

  base::UniqueFd open(const Place& place) const {
    const int directory = static_cast<int>(place.directory);
    const auto path = place.path == 0 && place.may_be_empty ? "" : files_.text(place.path);
    if (!path) {
      errno = EFAULT;
      return base::UniqueFd();
    }
    if (path->empty() && place.may_be_empty && directory != AT_FDCWD) {
      return files_.open_descriptor(directory);
    }
    if (path->empty() && place.may_be_empty) {
      return files_.open_path(AT_FDCWD, ".", LastLink::kFollowed);
    }
    return files_.open_path(directory, *path, place.follow ? LastLink::kFollowed : LastLink::kNot);
  }

  // Until then, the numbers and addresses of the call may be somebody else's.
  bool still_waits() const {
    return ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &call_->id) == 0;
  }

  // ── the calls ────────────────────────────────────────────────────────────────────────────────

  // What has no record is for the kernel to answer.
  Answer stat(const base::UniqueFd& fd, std::uint64_t buffer) const {
    struct stat status;
    const auto record = record_of(fd, status);
    if (!record) return Answer::pass();
    base::amend(status, *record);
    return still_waits() && files_.write(buffer, &status, sizeof status) ? Answer::of(0)
                                                                         : Answer::error(EFAULT);
  }

  Answer statx(const base::UniqueFd& fd, int flags, unsigned mask, std::uint64_t buffer) const {
    struct stat status;
    const auto record = record_of(fd, status);
    if (!record) return Answer::pass();
    struct statx result;
    const int kept = flags & (AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC);
    if (::statx(fd.get(), "", AT_EMPTY_PATH | kept, mask, &result) != 0) {
      return Answer::error(errno);
    }
    base::amend(status, *record);
    result.stx_uid = status.st_uid;
    result.stx_gid = status.st_gid;
    result.stx_mode = static_cast<__u16>(status.st_mode);
    if (record->device_type != 0) {
      result.stx_rdev_major = major(status.st_rdev);
      result.stx_rdev_minor = minor(status.st_rdev);
    }
    return still_waits() && files_.write(buffer, &result, sizeof result) ? Answer::of(0)
                                                                         : Answer::error(EFAULT);
  }

  static std::optional<base::OwnerRecord> record_of(const base::UniqueFd& fd, struct stat& status) {
    if (!fd || ::fstat(fd.get(), &status) != 0) return std::nullopt;
    return base::read_owner(std::to_string(fd.get()).c_str(), status.st_mode);
  }

  // The kernel's own chown comes first: it has the say over read-only mounts and files of others,
  // and takes set-id bits and capabilities away.
  Answer chown(const base::UniqueFd& fd, uid_t uid, gid_t gid) {
    if (!fd) return Answer::pass();
    struct stat status;
    base::OwnerRecord record = record_of(fd, status).value_or(base::OwnerRecord());
    if (!may_chown(record, uid, gid)) return Answer::error(EPERM);
    if (!still_waits()) return Answer::pass();
    constexpr auto kKeep = IdSet::kKeep;
    if (::fchownat(fd.get(), "", uid == kKeep ? kKeep : 0, gid == kKeep ? kKeep : 0,
                   AT_EMPTY_PATH) != 0) {
      return Answer::error(errno);
    }
    if (uid != kKeep) record.uid = uid;
    if (gid != kKeep) record.gid = gid;
    const std::string name = std::to_string(fd.get());
    // A tmpfs of an older kernel takes no records, and nothing in it reaches a layer.
    if (!base::write_owner(name.c_str(), status.st_mode, record) && errno != EOPNOTSUPP) {
      return Answer::error(errno);
    }
    return Answer::of(0);
  }

  bool may_chown(const base::OwnerRecord& record, uid_t uid, gid_t gid) {
    if (ids_.only_root()) return true;
    const Credentials& task = ids_.of(call_pid());
    if (task.privileged()) return true;
    return task.user.file == record.uid && (uid == IdSet::kKeep || uid == record.uid) &&
           (gid == IdSet::kKeep || gid == record.gid || task.in_group(gid));
  }

  // Devices are empty files with a record; all else is for the kernel.
  Answer mknod(std::uint64_t directory, std::uint64_t path_address, mode_t mode, dev_t device) {
    const mode_t type = mode & S_IFMT;
    if ((type != S_IFCHR && type != S_IFBLK) || device == 0) return Answer::pass();
    const auto path = files_.text(path_address);
    if (!path) return Answer::error(EFAULT);
    const auto [parent_path, name] = split(*path);
    if (name.empty() || name == "." || name == "..") return Answer::error(EEXIST);
    const Credentials credentials = ids_.of(call_pid());
    if (!credentials.privileged()) return Answer::error(EPERM);
    const base::UniqueFd parent =
        files_.open_path(static_cast<int>(directory), parent_path, LastLink::kFollowed);
    if (!parent) return Answer::error(errno);
    const auto task = files_.status(call_pid());
    if (!task || !still_waits()) return Answer::pass();
    const base::UniqueFd file(::openat(parent.get(), name.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                       mode & 07777 & ~task->umask));
    if (!file) return Answer::error(errno);
    base::OwnerRecord record;
    record.uid = credentials.user.file;
    record.gid = credentials.group.file;
    record.device_type = type;
    record.device = device;
    if (base::write_owner_of(file.get(), record)) return Answer::of(0);
    ::unlinkat(parent.get(), name.c_str(), 0);
    return Answer::error(EPERM);
  }

  static std::pair<std::string, std::string> split(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return {".", path};
    return {path.substr(0, slash + 1), path.substr(slash + 1)};
  }

  // ── ids ──────────────────────────────────────────────────────────────────────────────────────

  std::optional<Answer> answer_ids(int number, Args args);

  Answer set_groups(Credentials& task, std::uint64_t count, std::uint64_t address) const {
    constexpr std::uint64_t kMaxGroups = 65536;
    if (!task.privileged()) return Answer::error(EPERM);
    if (count > kMaxGroups) return Answer::error(EINVAL);
    std::vector<gid_t> groups(count);
    if (count != 0 && !files_.read(address, groups.data(), count * sizeof(gid_t))) {
      return Answer::error(EFAULT);
    }
    task.groups = std::move(groups);
    return Answer::of(0);
  }

  Answer get_groups(const Credentials& task, int room, std::uint64_t address) const {
    const auto count = static_cast<int>(task.groups.size());
    if (room < 0 || (room != 0 && room < count)) return Answer::error(EINVAL);
    if (room != 0 && count != 0 &&
        !files_.write(address, task.groups.data(), task.groups.size() * sizeof(gid_t))) {
      return Answer::error(EFAULT);
    }
    return Answer::of(count);
  }

  Answer get_res(const IdSet& ids, Args args) const {
    const std::uint32_t values[] = {ids.real, ids.effective, ids.saved};
    for (int i = 0; i < 3; ++i) {
      if (!files_.write(args[i], &values[i], sizeof values[i])) return Answer::error(EFAULT);
    }
    return Answer::of(0);
  }

  pid_t call_pid() const { return static_cast<pid_t>(call_->pid); }

  int listener_;
  const seccomp_notif* call_ = nullptr;
  TaskFiles files_;
  ProcessIds ids_;
};

std::optional<Answer> Calls::answer_ids(int number, Args args) {
  const auto id = [&args](int i) { return static_cast<std::uint32_t>(args[i]); };
  Credentials& task = ids_.of(call_pid());
  const bool privileged = task.privileged();
  switch (number) {
    case SYS_getuid:
      return Answer::of(task.user.real);
    case SYS_geteuid:
      return Answer::of(task.user.effective);
    case SYS_getgid:
      return Answer::of(task.group.real);
    case SYS_getegid:
      return Answer::of(task.group.effective);
    case SYS_getresuid:
      return get_res(task.user, args);
    case SYS_getresgid:
      return get_res(task.group, args);
    case SYS_getgroups:
      return get_groups(task, static_cast<int>(args[0]), args[1]);
    default:
      break;
  }
  ids_.somebody_changed();
  switch (number) {
    case SYS_setuid:
      return Answer::of(task.user.set(id(0), privileged));
    case SYS_setgid:
      return Answer::of(task.group.set(id(0), privileged));
    case SYS_setreuid:
      return Answer::of(task.user.set_re(id(0), id(1), privileged));
    case SYS_setregid:
      return Answer::of(task.group.set_re(id(0), id(1), privileged));
    case SYS_setresuid:
      return Answer::of(task.user.set_res(id(0), id(1), id(2), privileged));
    case SYS_setresgid:
      return Answer::of(task.group.set_res(id(0), id(1), id(2), privileged));
    case SYS_setfsuid:
      return Answer::of(task.user.set_file(id(0), privileged));
    case SYS_setfsgid:
      return Answer::of(task.group.set_file(id(0), privileged));
    case SYS_setgroups:
      return set_groups(task, args[0], args[1]);
    default:
      return std::nullopt;
  }
}

Answer Calls::answer(const seccomp_notif& call) {
  call_ = &call;
  if (!files_.choose(call_pid())) return Answer::pass();
  Args args = call.data.args;
  const auto uid = static_cast<uid_t>(args[1]);
  const auto gid = static_cast<gid_t>(args[2]);
  switch (call.data.nr) {
#ifdef SYS_stat
    case SYS_stat:
      return stat(open({.path = args[0]}), args[1]);
    case SYS_lstat:
      return stat(open({.path = args[0], .follow = false}), args[1]);
    case SYS_chown:
      return chown(open({.path = args[0]}), uid, gid);
    case SYS_lchown:
      return chown(open({.path = args[0], .follow = false}), uid, gid);
    case SYS_mknod:
      return mknod(static_cast<std::uint64_t>(AT_FDCWD), args[0], static_cast<mode_t>(args[1]),
                   args[2]);
#endif
    case SYS_fstat:
      return stat(files_.open_descriptor(static_cast<int>(args[0])), args[1]);
    case SYS_newfstatat:
      return stat(open({.directory = args[0],
                        .path = args[1],
                        .follow = (args[3] & AT_SYMLINK_NOFOLLOW) == 0,
                        .may_be_empty = (args[3] & AT_EMPTY_PATH) != 0}),
                  args[2]);
    case SYS_statx:
      return statx(open({.directory = args[0],
                         .path = args[1],
                         .follow = (args[2] & AT_SYMLINK_NOFOLLOW) == 0,
                         .may_be_empty = (args[2] & AT_EMPTY_PATH) != 0}),
                   static_cast<int>(args[2]), static_cast<unsigned>(args[3]), args[4]);
    case SYS_fchown:
      return chown(files_.open_descriptor(static_cast<int>(args[0])), uid, gid);
    case SYS_fchownat:
      return chown(open({.directory = args[0],
                         .path = args[1],
                         .follow = (args[4] & AT_SYMLINK_NOFOLLOW) == 0,
                         .may_be_empty = (args[4] & AT_EMPTY_PATH) != 0}),
                   static_cast<uid_t>(args[2]), static_cast<gid_t>(args[3]));
    case SYS_mknodat:
      return mknod(args[0], args[1], static_cast<mode_t>(args[2]), args[3]);
    default:
      return answer_ids(call.data.nr, args).value_or(Answer::pass());
  }
}

// The kernel's structures may be longer than those that we were built with.
std::vector<std::byte> room_for(std::size_t ours, std::size_t theirs) {
  return std::vector<std::byte>(std::max(ours, theirs));
}

void send_answer(int listener, std::vector<std::byte>& room, std::uint64_t id,
                 const Answer& answer) {
  std::fill(room.begin(), room.end(), std::byte{0});
  auto& response = *reinterpret_cast<seccomp_notif_resp*>(room.data());
  response.id = id;
  if (answer.from_kernel) {
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  } else if (answer.value < 0) {
    response.error = static_cast<__s32>(answer.value);
  } else {
    response.val = answer.value;
  }
  // Without the task there is nobody to tell.
  (void)::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

void serve(int listener, int stop, const User& user) {
  seccomp_notif_sizes sizes{};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) return;
  auto call_room = room_for(sizeof(seccomp_notif), sizes.seccomp_notif);
  auto answer_room = room_for(sizeof(seccomp_notif_resp), sizes.seccomp_notif_resp);
  auto& call = *reinterpret_cast<seccomp_notif*>(call_room.data());
  Calls calls(listener, user);
  for (;;) {
    pollfd watched[] = {{listener, POLLIN, 0}, {stop, POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return;
    if (watched[1].revents != 0 || (watched[0].revents & (POLLHUP | POLLERR)) != 0) return;
    if ((watched[0].revents & POLLIN) == 0) continue;
    std::fill(call_room.begin(), call_room.end(), std::byte{0});
    if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;  // it was interrupted
    Answer answer = Answer::error(ENOMEM);
    try {
      answer = calls.answer(call);
    } catch (const std::exception&) {
      // Out of memory, or a bug of ours: the task gets an error, and the others go on.
    }
    send_answer(listener, answer_room, call.id, answer);
  }
}

}  // namespace

std::vector<sock_filter> compile_emulation_filter(const CapabilitySet& capabilities) {
  Architecture native;
  native.audit_arch = seccomp_arch_native();
  native.known.result = SECCOMP_RET_ALLOW;
#if defined(__x86_64__)
  native.audit_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  native.audit_arch = AUDIT_ARCH_AARCH64;
#endif
  Decision ask;
  ask.result = SECCOMP_RET_USER_NOTIF;
  const auto add = [&](const auto& names) {
    for (const char* name : names) {
      const int number = seccomp_syscall_resolve_name(name);
      if (number >= 0) native.calls[static_cast<std::uint32_t>(number)] = ask;
    }
  };
  add(kStatCalls);
  if (capabilities.has("CHOWN")) add(kChownCalls);
  if (capabilities.has("MKNOD")) add(kMknodCalls);
  if (capabilities.has("SETUID") && capabilities.has("SETGID")) add(kIdCalls);
  native.last_known = native.calls.rbegin()->first;
  return build_filter({native}, SECCOMP_RET_ALLOW);
}

Emulation::Emulation(base::UniqueFd listener, const User& user)
    : listener_(std::move(listener)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw base::Error::sys("eventfd", "emulation");
  thread_ = std::thread([this, user] {
    try {
      serve(listener_.get(), stop_.get(), user);
    } catch (const std::exception&) {
      // The calls fail with ENOSYS once the listener is closed.
    }
    listener_.reset();
  });
}

Emulation::~Emulation() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

}  // namespace bld::runtime
