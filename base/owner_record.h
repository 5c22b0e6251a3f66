// Who owns a file, where the file cannot tell: with one id mapped, all that bld makes belongs to
// the caller, and what it should belong to is recorded beside it, in an extended attribute of its
// own. The record goes where the file goes: overlayfs copies it up, a rename keeps it.
//
// Files and directories have it as user.bld.owner. Links, pipes and devices take no user.*
// attribute; theirs is a security.capability that the kernel never looks at, since nothing but a
// regular file is executed.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

namespace bld::base {

inline constexpr const char* kOwnerXattr = "user.bld.owner";

struct OwnerRecord {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t device_type = 0;  // S_IFCHR or S_IFBLK: the file is empty and stands for `device`
  dev_t device = 0;

  // What a file without a record has.
  bool is_default() const { return uid == 0 && gid == 0 && device_type == 0; }

  std::string str() const;                                         // "100:101", "0:0:c:1:3"
  static std::optional<OwnerRecord> parse(std::string_view text);  // nothing unless well formed
  bool operator==(const OwnerRecord&) const = default;
};

// Whether this process works so: its user namespace maps one user id. A fact about the process from
// enter_namespaces() on; not to be asked before.
bool records_owners();

// By path, a link at its end followed: /proc/self/fd/N stands for any descriptor, also of a link.
// `type` is the file's st_mode. What is no record, or cannot be read, is none.
std::optional<OwnerRecord> read_owner(const char* path, mode_t type);
// Of a name in an open directory, a link not followed.
std::optional<OwnerRecord> read_owner_at(int directory, const std::string& name, mode_t type);
// Of an open file or directory; O_PATH does not do.
std::optional<OwnerRecord> read_owner_of(int fd);

// The default one takes the record away. False with errno; file systems without such attributes
// say EOPNOTSUPP.
bool write_owner(const char* path, mode_t type, const OwnerRecord& record);
bool write_owner_at(int directory, const std::string& name, mode_t type, const OwnerRecord& record);
bool write_owner_of(int fd, const OwnerRecord& record);

// Sets owner, and for a device type and number, as recorded.
void amend(struct stat& status, const OwnerRecord& record);
// The same, if this process works so and there is a record.
void amend_at(int directory, const std::string& name, struct stat& status);
void amend_fd(int fd, struct stat& status);  // any descriptor

// chown() by whichever way this process works; false with errno. Where the file system takes no
// records, the file stays the caller's. The directory may be AT_FDCWD.
bool set_owner(int fd, uid_t uid, gid_t gid);
bool set_owner_at(int directory, const std::string& name, uid_t uid, gid_t gid);

}  // namespace bld::base
