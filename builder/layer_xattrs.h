// The extended attributes of a file that belong to a layer.
#pragma once

#include <map>
#include <string>

namespace bld::builder {

// user.* and security.capability; nothing where the file system has none.
std::map<std::string, std::string> layer_xattrs(int fd);
// Of the name itself, in the directory `directory_fd`, without opening it.
std::map<std::string, std::string> layer_xattrs(int directory_fd, const std::string& name);

}  // namespace bld::builder
