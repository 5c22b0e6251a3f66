// Does one step: looks for its result under its content key, else prepares a tree, runs the step
// on it, commits it, and has it sealed in the background.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/events.h"
#include "base/thread_pool.h"
#include "builder/execute.h"
#include "builder/roots.h"
#include "builder/run_step.h"
#include "builder/snapshot.h"
#include "builder/stack_files.h"
#include "builder/step.h"

namespace bld::builder {

// Whether a later step reads the new layer's files, or only the image needs its blob.
enum class Wanted { kAnyFace, kTree };

struct StepResult {
  Snapshot snapshot;                        // with the new layer, if any
  std::shared_ptr<LayerHandle> layer;       // null: the step changed no file
  bool was_known = false;                   // found by its content key
  Snapshot below;                           // what the step stood on
  std::vector<Snapshot> mounted;            // other file systems that a RUN could read
  std::vector<base::Sha256Value> contents;  // of the files that it reads from contexts and stages
  std::chrono::nanoseconds duration{};
  base::StepUsage usage;                   // of the command
  std::optional<store::Time> recorded_at;  // when what is known was done
};

// Any thread. Its destructor waits for the seals that are under way.
class StepWorker {
 public:
  StepWorker(const Surroundings& surroundings, std::stop_token stop);

  // Digests of what the step reads from contexts; reads, remembers or downloads those files.
  // One thread, before any step is performed.
  std::vector<base::Sha256Value> read_contexts(NodeId id, const Step& step);

  // `inputs` as the step has them, `contexts` as read_contexts() gave them. Errors carry the place
  // of the instruction.
  StepResult perform(NodeId id, const Step& step, const std::vector<Snapshot>& inputs,
                     const std::vector<base::Sha256Value>& contexts, Wanted wanted);

  // Waits for the seals of all layers that the step could see.
  std::string content_key_of(const Step& step, const StepResult& result) const;

 private:
  // The files of a step, and what they are read through.
  struct Sources {
    std::optional<base::RootedDir> root;  // a stage's file system; outlives the selection
    std::optional<Selection> selection;
  };

  const Context& context(const FromContext& from) const;
  Selection select_from(const FromContext& from, const CopyOperation& operation);
  std::vector<FetchedSource> fetch(const CopyOperation& operation);
  RootView look_into(const Snapshot& snapshot) const;
  StackFiles existing(const Snapshot& snapshot) const;
  bool find_known(const Step& step, StepResult& result) const;
  void copy(NodeId id, const Step& step, const FileOperation& operation,
            const std::vector<Snapshot>& inputs, Wanted wanted, StepResult& result);
  void run(const Step& step, const RunOperation& operation, const std::vector<Snapshot>& inputs,
           StepResult& result);
  void write(std::vector<layers::SourcedEntry> entries, Wanted wanted, StepResult& result);
  image::DiffId write_blob(const std::vector<layers::SourcedEntry>& entries);
  void add_tree(store::ActiveTree tree, const std::optional<layers::FileEntry>& root_below,
                StepResult& result);

  const Surroundings& surroundings_;
  std::stop_token stop_;
  std::map<NodeId, Selection> selections_;  // of contexts; filled before any step runs
  base::ThreadPool sealers_;
};

// Whether --cache-ttl rules it out.
bool is_too_old(const store::StepRecord& record, const BuildRequest& request);

// A text by which steps of the same operation find each other in the store.
std::string operation_label(const Operation& operation);

}  // namespace bld::builder
