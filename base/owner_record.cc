#include "base/owner_record.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"

namespace bld::base {

namespace {

constexpr const char* kCapabilityXattr = "security.capability";
constexpr std::uint32_t kMarker = 0x6f646c62;  // "bldo": a set of capabilities that nobody has

bool takes_user_xattrs(mode_t type) { return S_ISREG(type) || S_ISDIR(type); }

std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::string proc_path(int directory, const std::string& name) {
  return directory == AT_FDCWD || name.starts_with('/') ? name : proc_path(directory) + "/" + name;
}

vfs_cap_data pack(const OwnerRecord& record) {
  vfs_cap_data data{};
  data.magic_etc = VFS_CAP_REVISION_2;
  data.data[0].permitted = record.uid;
  data.data[0].inheritable = record.gid;
  data.data[1].permitted = kMarker;
  return data;
}

std::optional<OwnerRecord> unpack(const vfs_cap_data& data) {
  if (data.data[1].permitted != kMarker) return std::nullopt;
  OwnerRecord record;
  record.uid = data.data[0].permitted;
  record.gid = data.data[0].inheritable;
  return record;
}

// `get(name, buffer, size)` and `set(name, value, size)` are those of xattr(7) for one file.
template <typename Get>
std::optional<OwnerRecord> read_with(mode_t type, const Get& get) {
  if (takes_user_xattrs(type)) {
    char text[128];
    const ssize_t length = get(kOwnerXattr, text, sizeof text);
    if (length <= 0) return std::nullopt;
    return OwnerRecord::parse({text, static_cast<std::size_t>(length)});
  }
  vfs_cap_data data{};
  if (get(kCapabilityXattr, &data, sizeof data) != sizeof data) return std::nullopt;
  return unpack(data);
}

template <typename Set, typename Remove>
bool write_with(mode_t type, const OwnerRecord& record, const Set& set, const Remove& remove) {
  const char* name = takes_user_xattrs(type) ? kOwnerXattr : kCapabilityXattr;
  if (record.is_default()) return remove(name) == 0 || errno == ENODATA || errno == EOPNOTSUPP;
  if (takes_user_xattrs(type)) {
    const std::string text = record.str();
    return set(name, text.data(), text.size()) == 0;
  }
  const vfs_cap_data data = pack(record);
  return set(name, &data, sizeof data) == 0;
}

bool record_owner(const std::string& path, mode_t type, uid_t uid, gid_t gid) {
  OwnerRecord record;
  record.uid = uid;
  record.gid = gid;
  return write_owner(path.c_str(), type, record) || errno == EOPNOTSUPP;
}

}  // namespace

std::string OwnerRecord::str() const {
  std::string text = fmt::format("{}:{}", uid, gid);
  if (device_type != 0) {
    text +=
        fmt::format(":{}:{}:{}", S_ISBLK(device_type) ? 'b' : 'c', major(device), minor(device));
  }
  return text;
}

std::optional<OwnerRecord> OwnerRecord::parse(std::string_view text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() != 2 && parts.size() != 5) return std::nullopt;
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i == 2) continue;
    const auto number = parse_unsigned(parts[i]);
    // The highest is no id: chown takes it for "as it is".
    if (!number || *number >= std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    numbers.push_back(static_cast<std::uint32_t>(*number));
  }
  OwnerRecord record;
  record.uid = numbers[0];
  record.gid = numbers[1];
  if (parts.size() == 5) {
    if (parts[2] != "b" && parts[2] != "c") return std::nullopt;
    record.device_type = parts[2] == "b" ? S_IFBLK : S_IFCHR;
    record.device = makedev(numbers[2], numbers[3]);
  }
  return record;
}

bool records_owners() {
  static const bool answer = [] {
    std::istringstream map(read_file("/proc/self/uid_map", 1 << 20));
    std::uint64_t total = 0;
    for (std::uint64_t inside, outside, count; map >> inside >> outside >> count;) total += count;
    return total == 1;
  }();
  return answer;
}

std::optional<OwnerRecord> read_owner(const char* path, mode_t type) {
  return read_with(type, [path](const char* name, void* value, std::size_t size) {
    return ::getxattr(path, name, value, size);
  });
}

std::optional<OwnerRecord> read_owner_at(int directory, const std::string& name, mode_t type) {
  const std::string path = proc_path(directory, name);
  return read_with(type, [&](const char* attribute, void* value, std::size_t size) {
    return ::lgetxattr(path.c_str(), attribute, value, size);
  });
}

std::optional<OwnerRecord> read_owner_of(int fd) {
  return read_with(S_IFREG, [fd](const char* name, void* value, std::size_t size) {
    return ::fgetxattr(fd, name, value, size);
  });
}

bool write_owner(const char* path, mode_t type, const OwnerRecord& record) {
  return write_with(
      type, record,
      [path](const char* name, const void* value, std::size_t size) {
        return ::setxattr(path, name, value, size, 0);
      },
      [path](const char* name) { return ::removexattr(path, name); });
}

bool write_owner_at(int directory, const std::string& name, mode_t type,
                    const OwnerRecord& record) {
  const std::string path = proc_path(directory, name);
  return write_with(
      type, record,
      [&](const char* attribute, const void* value, std::size_t size) {
        return ::lsetxattr(path.c_str(), attribute, value, size, 0);
      },
      [&](const char* attribute) { return ::lremovexattr(path.c_str(), attribute); });
}

bool write_owner_of(int fd, const OwnerRecord& record) {
  return write_with(
      S_IFREG, record,
      [fd](const char* name, const void* value, std::size_t size) {
        return ::fsetxattr(fd, name, value, size, 0);
      },
      [fd](const char* name) { return ::fremovexattr(fd, name); });
}

void amend(struct stat& status, const OwnerRecord& record) {
  status.st_uid = record.uid;
  status.st_gid = record.gid;
  // A device that a step wrote into is none any more, and contents are never lost.
  if (record.device_type != 0 && S_ISREG(status.st_mode) && status.st_size == 0) {
    status.st_mode = (status.st_mode & 07777) | record.device_type;
    status.st_rdev = record.device;
  }
}

void amend_at(int directory, const std::string& name, struct stat& status) {
  if (!records_owners()) return;
  if (const auto record = read_owner_at(directory, name, status.st_mode)) amend(status, *record);
}

void amend_fd(int fd, struct stat& status) {
  if (!records_owners()) return;
  if (const auto record = read_owner(proc_path(fd).c_str(), status.st_mode)) amend(status, *record);
}

bool set_owner(int fd, uid_t uid, gid_t gid) {
  if (!records_owners()) return ::fchown(fd, uid, gid) == 0;
  struct stat status;
  return ::fstat(fd, &status) == 0 && record_owner(proc_path(fd), status.st_mode, uid, gid);
}

bool set_owner_at(int directory, const std::string& name, uid_t uid, gid_t gid) {
  if (!records_owners()) {
    return ::fchownat(directory, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) == 0;
  }
  struct stat status;
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  OwnerRecord record;
  record.uid = uid;
  record.gid = gid;
  return write_owner_at(directory, name, status.st_mode, record) || errno == EOPNOTSUPP;
}

}  // namespace bld::base
