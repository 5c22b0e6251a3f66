// What `bld push` and `bld manifest push` have in common.
#pragma once

#include <functional>
#include <string>

#include "cmd/app.h"
#include "cmd/flags.h"
#include "cmd/options.h"
#include "registry/copy_image.h"

namespace bld::cmd {

class PushFlags {
 public:
  void declare(FlagSet& flags);
  // --add-compression, of lists.
  void declare_more_compressions(FlagSet& flags);

  // Calls `push` with a renderer for its events, and writes the digest of the manifest that it
  // gives to --digestfile.
  using Push = std::function<image::Descriptor(const registry::PushOptions& options,
                                               base::EventSink& events)>;
  void run(const Push& push);

 private:
  void declare_compression(FlagSet& flags);

  std::string digest_file_;
  bool quiet_ = false, has_compression_ = false, has_level_ = false;
  bool takes_more_compressions_ = false;
  registry::PushOptions options_;
  ConnectionFlags connection_;
};

}  // namespace bld::cmd
