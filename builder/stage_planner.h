// One stage of the plan: its instructions, one after the other, as steps and configuration.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "builder/global_arguments.h"
#include "builder/graph_builder.h"
#include "builder/history_tree.h"
#include "builder/plan.h"
#include "builder/step.h"
#include "builder/variables.h"
#include "dockerfile/instruction.h"

namespace bld::builder {

// What all stages add to.
struct PlanDraft {
  GraphBuilder graph;
  HistoryTree history;
  std::vector<PlannedInstruction> instructions;
  std::vector<base::Warning> warnings;
};

// A stage when all its instructions are planned: what another stage begins with.
struct PlannedStage {
  NodeId filesystem = 0;
  NodeId base_filesystem = 0;  // of the image at the bottom of its chain of stages
  image::ImageConfig config;
  HistoryTree::End history;  // of the whole chain, after the image's own
  Variables variables{{}};
  std::string base_name, base_digest;  // of the image; empty: scratch
};

// `base` is null for scratch.
PlannedStage first_of_chain(const BaseImage* base, const std::string& name,
                            const image::Platform& platform, GraphBuilder& graph);

// What --from=NAME means: a file system, or a directory given by --build-context.
using SourceResolution = std::variant<NodeId, FromContext>;
using SourceResolver = std::function<SourceResolution(const std::string& name)>;

struct StageTitle {
  int stage = 0, stage_count = 1;  // in the file, from 0; up to the target
  std::string name;
  int instruction_count = 0;  // with the FROM
  bool anew = false;          // all its steps are done again
};

class StagePlanner {
 public:
  StagePlanner(const PlanInput& input, GlobalArguments& globals, PlanDraft& draft, StageTitle title,
               PlannedStage start, SourceResolver resolve);

  // The FROM itself, as it is `shown`; `is_image` when it does not continue another stage.
  void from(const dockerfile::Instruction& instruction, const std::string& shown, bool is_image);
  // A FROM of a directory given by --build-context: an image without configuration that holds it.
  void from_directory(const dockerfile::Instruction& instruction, const std::string& shown,
                      const std::string& context);
  // Throws with the instruction's place.
  void add(const dockerfile::Instruction& instruction);
  // An instruction of the base's ONBUILD, whose span is that of the FROM.
  void add_trigger(const dockerfile::Instruction& instruction);
  PlannedStage finish() &&;

 private:
  struct Visitor;

  std::string expand(const dockerfile::Word& word) const;
  std::optional<std::string> similar_variable(const dockerfile::Word& word) const;
  // Of a part of the current instruction. What ONBUILD brought has no place but that of its FROM.
  base::SourcePosition place_of(const dockerfile::Span& part) const;
  base::StepId announce(const dockerfile::Instruction& instruction);
  void add_step(const dockerfile::Instruction& instruction, Operation operation,
                std::vector<NodeId> inputs, std::string created_by);
  void note(std::string created_by);
  void begin_environment();
  FileSource source_of(const std::string& name, std::vector<NodeId>& inputs);
  MountOperation mount(const dockerfile::Word& text, std::vector<NodeId>& inputs, int& ssh_mounts);
  void look_for_device(const dockerfile::RunDevice& device);
  void run(const dockerfile::Instruction& instruction, const dockerfile::Run& run);
  void copy(const dockerfile::Instruction& instruction, const dockerfile::Copy& copy);
  void add_files(const dockerfile::Instruction& instruction, const dockerfile::Add& add);
  template <typename CopyOrAdd>
  CopyPlaces places_of(const CopyOrAdd& what) const;
  template <typename CopyOrAdd>
  CopyOperation common_part(const CopyOrAdd& what);

  image::RunConfig& config() { return stage_.config.config; }

  const PlanInput& input_;
  GlobalArguments& globals_;
  PlanDraft& draft_;
  StageTitle title_;
  PlannedStage stage_;
  SourceResolver resolve_;
  char escape_;
  int number_ = 0;                                    // of the instruction, as shown
  const dockerfile::Instruction* trigger_ = nullptr;  // the one that is being planned, if any
  std::optional<base::SourcePosition> user_place_;  // of the USER in force, if it is in this stage
  bool command_is_own_ = false;  // CMD was set in this stage: ENTRYPOINT leaves it
};

}  // namespace bld::builder
