// The immutable step graph: what is to be done, in terms of nothing but values.
//
// ENV, ARG and all configuration ended in plan(); what is left are file systems and what makes
// them. Equal operations on equal inputs are one step, across stages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "builder/build_request.h"
#include "builder/copy_step.h"
#include "dockerfile/run_mount.h"
#include "image/digest.h"
#include "image/image_config.h"

namespace bld::builder {

using NodeId = std::size_t;  // index into Graph::steps

// The layers of an image that is in the store; none for scratch.
struct BaseOperation {
  std::vector<image::DiffId> layers;  // lowest first
};

// Where the files of a COPY or of a mount come from.
struct FromContext {
  std::string name;  // "" is the main context, else a directory given by --build-context
  auto operator<=>(const FromContext&) const = default;
};

struct FromStep {
  std::size_t input;  // index into Step::inputs
  auto operator<=>(const FromStep&) const = default;
};

// Heredocs, or a download: the operation has the content or its address itself.
struct FromNowhere {
  auto operator<=>(const FromNowhere&) const = default;
};

using FileSource = std::variant<FromNowhere, FromContext, FromStep>;

struct MountOperation {
  dockerfile::RunMount mount;  // all values expanded, target absolute
  FileSource source;           // of bind mounts, and what a cache mount begins with
};

struct RunOperation {
  std::vector<std::string> args;
  std::string script;            // heredoc with "#!": the file that is executed, else empty
  std::vector<std::string> env;  // "NAME=value": the image's and the ARGs in force
  // Proxy variables and the like: in the environment, but neither in the key nor in the history.
  std::vector<std::string> unrecorded_env;
  std::string directory;  // WORKDIR
  std::string user;
  std::optional<base::SourcePosition> user_place = {};  // where it is set, if that is known
  std::string hostname = {};                            // empty: what the settings say
  std::string identity = {};  // lines of /run/.containerenv that name container and image
  NetworkChoice network = NetworkChoice::kDefault;
  bool insecure = false;  // --security=insecure: with every capability, unfiltered
  std::vector<MountOperation> mounts;
};

struct FileOperation {
  CopyOperation copy;
  FileSource source;
};

struct WorkdirOperation {
  std::string path;  // absolute, clean
  std::string user;  // who owns the folders that it makes
};

using Operation = std::variant<BaseOperation, RunOperation, FileOperation, WorkdirOperation>;

struct Step {
  Operation operation;
  // inputs[0] is the file system that the step stands on; BaseOperation has none.
  std::vector<NodeId> inputs;
  // The first instruction that asked for it.
  base::SourcePosition position;
  base::StepId event = -1;  // of that instruction; -1 for the base of an image
  bool anew = false;        // done again even if its outcome is known
  std::string text;
  std::string trigger = {};  // of what an ONBUILD of the base brought: what to call it in errors
};

struct Graph {
  std::vector<Step> steps;  // inputs come before what uses them
};

// An entry for the image's history, as its instruction was met.
struct PlannedHistory {
  std::string created_by;
  std::optional<NodeId> step;  // what made its layer; nothing for configuration
  std::string comment = {};
};

// What one instruction is to the observer.
struct PlannedInstruction {
  base::StepPlanned shown;
  std::optional<NodeId> step;  // nothing: configuration only
};

// A stage that is built, and what it is built for.
struct BuiltStage {
  int number = 0;                      // in the file, from 0
  std::string name;                    // or its number in the file
  std::optional<std::size_t> used_by;  // an index into Plan::stages; the target has none
  std::string use;                     // "COPY --from=build at Containerfile:9"
};

struct Plan {
  Graph graph;
  int stage_count = 1;                  // of the file, up to the target; not all need be built
  NodeId result = 0;                    // the target's file system
  std::vector<NodeId> also_wanted;      // file systems of stages that are built for nobody
  NodeId target_base = 0;               // what the target's FROM stands on
  image::ImageConfig config;            // of the target; rootfs and history are those of the base
  std::vector<PlannedHistory> history;  // of the target's chain of stages, after the base's
  std::string base_name, base_digest;   // of the image at the bottom; empty: scratch
  std::vector<PlannedInstruction> instructions;
  std::vector<BuiltStage> stages;  // as StepPlanned::stage counts them; the target is the last
  std::vector<std::string> unused_build_args;
  std::vector<base::Warning> warnings;
};

}  // namespace bld::builder
