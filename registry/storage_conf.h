// Where podman and buildah keep their images: storage.conf and its variables, only to be read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bld::registry {

struct StorageRoots {
  std::string driver;  // empty: whichever has images there
  // The store itself, then those that it may read besides (additionalimagestores).
  std::vector<std::filesystem::path> roots;
};

// `spec` as in containers-storage:[SPEC]NAME: "[DRIVER@]ROOT[+RUNROOT][:OPTIONS]"; empty: the store
// of the user who called bld.
StorageRoots storage_roots(const std::string& spec);

// The numbers of the caller, outside of our user namespace where we are in one.
struct OutsideIds {
  std::string uid, gid;
};

OutsideIds outside_ids();

}  // namespace bld::registry
