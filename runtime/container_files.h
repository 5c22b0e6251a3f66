// The files of a container that are no files of its root: resolv.conf, hosts, secrets and the like.
#pragma once

#include <vector>

#include "base/unique_fd.h"
#include "runtime/container_spec.h"

namespace bld::runtime {

// In a tmpfs of the container's own, which is mounted when the first file is made. One thread at a
// time.
class ContainerFiles {
 public:
  // Makes what take() may be asked for.
  void prepare(const FileMount& file);

  // O_PATH; nobody else gets the same.
  base::UniqueFd take(const FileMount& file);

  // The detached mount. Not before a file was made.
  int mount() const { return tmpfs_.get(); }

 private:
  struct Prepared {
    FileMount file;
    base::UniqueFd fd;
  };

  base::UniqueFd make(const FileMount& file);

  base::UniqueFd tmpfs_;
  int count_ = 0;
  std::vector<Prepared> prepared_;
};

}  // namespace bld::runtime
