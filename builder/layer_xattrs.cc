#include "builder/layer_xattrs.h"

#include <sys/xattr.h>

#include <cerrno>

#include "base/error.h"
#include "base/text.h"
#include "layers/file_entry.h"

namespace bld::builder {

namespace {

// Calls `call(buffer, size)` until the answer fits; nothing where there is nothing to be had.
template <typename Call>
std::string read_growing(const char* what, const Call& call) {
  std::string text(256, '\0');
  for (;;) {
    const ssize_t length = call(text.data(), text.size());
    if (length >= 0) {
      text.resize(static_cast<std::size_t>(length));
      return text;
    }
    if (errno == ENOTSUP || errno == ENODATA) return "";
    if (errno != ERANGE) throw base::Error::sys(what, "");
    text.resize(text.size() * 16);  // the kernel's limit is 64 KiB
  }
}

template <typename List, typename Get>
std::map<std::string, std::string> collect(const List& list, const Get& get) {
  std::map<std::string, std::string> result;
  const std::string names = read_growing("listxattr", list);
  for (const std::string& name : base::split(names, '\0')) {
    if (name.empty() || !layers::is_layer_xattr(name)) continue;
    result[name] = read_growing("getxattr", [&](char* buffer, std::size_t size) {
      return get(name.c_str(), buffer, size);
    });
  }
  return result;
}

}  // namespace

std::map<std::string, std::string> layer_xattrs(int fd) {
  return collect([&](char* buffer, std::size_t size) { return ::flistxattr(fd, buffer, size); },
                 [&](const char* name, char* buffer, std::size_t size) {
                   return ::fgetxattr(fd, name, buffer, size);
                 });
}

// There is no listxattrat before Linux 6.13; the link in /proc leads to the open directory, and
// the last component is not followed.
std::map<std::string, std::string> layer_xattrs(int directory_fd, const std::string& name) {
  const std::string path = "/proc/self/fd/" + std::to_string(directory_fd) + "/" + name;
  return collect(
      [&](char* buffer, std::size_t size) { return ::llistxattr(path.c_str(), buffer, size); },
      [&](const char* attribute, char* buffer, std::size_t size) {
        return ::lgetxattr(path.c_str(), attribute, buffer, size);
      });
}

}  // namespace bld::builder
