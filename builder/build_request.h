// What was asked of a build: plain data, made by the command line and by nothing else.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/events.h"
#include "builder/command_settings.h"
#include "builder/output.h"
#include "image/descriptor.h"
#include "image/digest.h"
#include "image/platform.h"
#include "image/reference.h"
#include "registry/transport.h"
#include "runtime/container_spec.h"

namespace bld::builder {

enum class ImageFormat { kOci, kDocker };

// When a base image is looked up in its registry: if it is not here; always; if it is newer there;
// or never.
enum class PullPolicy { kMissing, kAlways, kNewer, kNever };

// --build-arg NAME[=VALUE]; without value the environment of bld gives it, if it has it.
struct BuildArgument {
  std::string name;
  std::optional<std::string> value;
};

// --secret id=ID[,src=FILE|,env=VARIABLE]; read when a step asks for it.
struct SecretSource {
  std::string id;
  std::filesystem::path file;  // empty: from `variable`
  std::string variable;
};

// --ssh ID[=SOCKET|KEY,KEY…]
struct SshSource {
  std::string id;
  std::filesystem::path socket;  // of an agent; empty: one of our own, for `keys`
  std::vector<std::filesystem::path> keys = {};
};

// Times of files in new layers: as they are; no later than the request's timestamp
// (--rewrite-timestamp); all the same as it (--timestamp).
enum class FileTimes { kKeep, kClamp, kSet };

struct BuildRequest {
  // One or more files, read one after the other: paths, URLs, "-" for standard input. Empty:
  // Containerfile, then Dockerfile, in the context.
  std::vector<std::string> containerfiles;
  std::vector<std::string> cpp_flags;  // for files called NAME.in
  std::string context = ".";           // a directory, an archive, "-", or a URL: docs/contexts.md
  std::optional<std::filesystem::path> ignore_file;
  // --build-context NAME=VALUE; the names are as dockerfile::context_name() gives them.
  std::map<std::string, std::string> named_contexts;

  std::string target;                       // stage name or number; empty: the last
  std::optional<image::Platform> platform;  // empty: this machine's
  bool is_one_of_several = false;           // its steps are shown with their platform
  std::optional<std::string> from;          // replaces the image of the first FROM
  std::vector<BuildArgument> build_args;    // the last of several with one name wins

  std::vector<image::Reference> tags;  // already qualified (localhost/…)
  ImageFormat format = ImageFormat::kOci;
  // In the order given; a later one wins. An empty key of `unset_*` does not occur.
  std::vector<std::pair<std::string, std::string>> labels, annotations, env;
  std::vector<std::string> unset_env, unset_labels, unset_annotations;
  // False: labels of the base image, and of the stage that a FROM names, are left behind.
  bool inherit_labels = true;
  bool inherit_annotations = true;  // those of the base image's manifest
  bool identity_label = true;       // io.bld.version
  // The annotation org.opencontainers.image.created; empty: if the image has a time.
  std::optional<bool> created_annotation;
  std::string os_version;                // empty: the base image's
  std::vector<std::string> os_features;  // added to the base image's; "NAME-" takes one away

  bool use_cache = true;  // false: --no-cache; results are still recorded
  // What was done before is done again (--cache-ttl).
  std::optional<std::chrono::sys_seconds> cache_since;
  // Repositories where steps are looked for, and where they are told of.
  std::vector<registry::Location> cache_from, cache_to;
  std::vector<std::string> no_cache_stages;  // whose steps are all done again; names or numbers
  bool skip_unused_stages = true;            // false: stages before the target are built, too
  bool layers = true;                        // false: one layer for all that the target stage adds
  bool squash = false;                       // one layer for everything, the base included
  bool omit_history = false;
  unsigned jobs = 0;  // steps at a time; 0: as many as processors
  PullPolicy pull = PullPolicy::kMissing;
  registry::ConnectionOptions connection;   // --tls-verify, --creds, --authfile, --cert-dir
  std::chrono::seconds remote_silence{30};  // of servers of ADD and contexts, before it is an error

  CommandSettings commands;
  bool allow_insecure = false;  // RUN --security=insecure may be used
  std::vector<SecretSource> secrets;
  std::vector<SshSource> ssh;
  bool pass_stdin = false;      // RUN reads our standard input
  bool compat_volumes = false;  // what a RUN writes to a VOLUME before it is forgotten

  // Seconds since 1970 for everything that bld writes into config and history (0 without it), and
  // what it means for the times of files in new layers.
  std::optional<std::int64_t> timestamp;
  FileTimes file_times = FileTimes::kKeep;

  std::vector<Output> outputs;  // besides the store; done last, in this order

  // As context or Containerfile: then there is only one build.
  bool reads_standard_input() const {
    const auto& files = containerfiles;
    return context == "-" || std::find(files.begin(), files.end(), "-") != files.end();
  }
};

struct BuildResult {
  image::Digest image_id;      // of the config; its hex digits are the image's ID
  image::Descriptor manifest;  // as it was written last to a registry, else as it is stored
  std::vector<std::string> unused_build_args;
  int stage_count = 1;  // of the file, up to the target
};

}  // namespace bld::builder
