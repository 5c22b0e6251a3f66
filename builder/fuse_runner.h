// Runs commands in root filesystems that fuse-overlayfs mounts.
#pragma once

#include "builder/fuse_roots.h"
#include "runtime/launcher.h"

namespace bld::builder {

class FuseRunner : public runtime::ContainerRunner {
 public:
  FuseRunner(runtime::ContainerRunner& containers, FuseRoots& roots)
      : containers_(containers), roots_(roots) {}

  runtime::Exit run(const runtime::ContainerSpec& spec, std::stop_token stop) override;

 private:
  runtime::ContainerRunner& containers_;
  FuseRoots& roots_;
};

}  // namespace bld::builder
