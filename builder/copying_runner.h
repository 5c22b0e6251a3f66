// Runs commands in copies of their root filesystems, for places where no overlay can be mounted.
#pragma once

#include "builder/copied_roots.h"
#include "runtime/launcher.h"

namespace bld::builder {

class CopyingRunner : public runtime::ContainerRunner {
 public:
  // `containers` gets the copies as PlainRoots. If it is a chroot, something stands in for the
  // mounts, too.
  CopyingRunner(runtime::ContainerRunner& containers, CopiedRoots& roots, store::Store& store)
      : containers_(containers), roots_(roots), store_(store) {}

  runtime::Exit run(const runtime::ContainerSpec& spec, std::stop_token stop) override;

  runtime::Confinement confinement() const override { return containers_.confinement(); }

 private:
  runtime::ContainerRunner& containers_;
  CopiedRoots& roots_;
  store::Store& store_;
};

}  // namespace bld::builder
