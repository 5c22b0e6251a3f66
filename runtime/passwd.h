// Users and groups inside an image, read by our own code: the host's libc knows nothing of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rooted_dir.h"
#include "runtime/container_spec.h"

namespace bld::runtime {

// Gives the contents of a file of the image ("etc/passwd"); nothing: the image has no such file.
using ImageFileReader = std::function<std::optional<std::string>(const std::string& path)>;

ImageFileReader files_below(const base::RootedDir& root);  // which has to outlive it

struct ResolvedUser {
  User user;
  std::string home;  // of passwd; "/" if unknown
  std::string name;  // of passwd; empty if unknown
};

// What USER means: "name", "uid", "name:group", "uid:gid"; "" is root. With a group given only that
// group, else the passwd group and the groups that list the user. Unknown names are errors, as are
// numbers beyond 4294967294. A number without passwd entry has group 0 and home "/".
ResolvedUser resolve_user(const ImageFileReader& files, std::string_view user_spec);
ResolvedUser resolve_user(const base::RootedDir& root, std::string_view user_spec);

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// What --chown means: as above, but a lone number n is n:n, and a lone name its passwd group.
Owner resolve_owner(const ImageFileReader& files, std::string_view owner_spec);
Owner resolve_owner(const base::RootedDir& root, std::string_view owner_spec);

}  // namespace bld::runtime
