#include "builder/plan.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "builder/graph_builder.h"
#include "builder/stage_planner.h"
#include "dockerfile/expand.h"
#include "dockerfile/parser.h"
#include "dockerfile/stages.h"

namespace bld::builder {

namespace {

using dockerfile::Instruction;
using dockerfile::Stage;

// What has to be known of a stage before stages are planned in the order of the file.
struct StageOutline {
  bool needed = false;
  bool files_needed = false;  // somebody runs commands upon it, or reads its files
  int number = 0;             // among those that are needed
  bool replaced = false;      // by a named context: nothing of the stage itself counts
  std::optional<int> base_stage;
  std::optional<std::string> base_context;  // a named context that is a directory
  int last_continued_by = -1;               // the last stage whose FROM names this one
  std::string base_image;                   // unless base_stage or base_context; "scratch" is one
  std::string base_text;                    // what FROM names, with variables expanded
  image::Platform platform;
  std::shared_ptr<const BaseImage> base;  // of a base_image; null for scratch
  std::vector<Instruction> triggers;      // ONBUILD of the base
  int used_by = -1;  // the stage for which this one was first found to be needed
  std::string use;   // how, and where
};

class Planner {
 public:
  explicit Planner(const PlanInput& input)
      : input_(input),
        stages_(input.file),
        globals_(input),
        outlines_(stages_.all().size()),
        planned_(stages_.all().size()) {}

  Plan run();

 private:
  void outline(int index);
  void outline_base(const Stage& stage, StageOutline& outline);
  std::string hint_for_variables(const dockerfile::From& from) const;
  std::vector<int> note_sources(std::span<const Instruction> instructions, int user);
  void note_use(int stage, int user, const std::string& how, const dockerfile::Span& span);
  BuiltStage built_stage(int index) const;
  std::vector<Instruction> triggers_of(const Stage& stage, const StageOutline& outline) const;
  // For stage `user`.
  std::shared_ptr<const BaseImage> image_named(const std::string& name,
                                               const image::Platform& platform, int user,
                                               BaseUse use);
  SourceResolution resolve_source(const std::string& name, int user);
  PlannedStage start_of(int index);
  void plan_stage(int index, int count);

  std::span<const Instruction> instructions_of(int index) const {
    if (outlines_[static_cast<std::size_t>(index)].replaced) return {};
    return stages_[index].instructions;
  }

  // The name as a named context; nothing if there is none.
  std::optional<std::string> context_of(const std::string& name) const {
    std::string context = dockerfile::context_name(name);
    const bool known =
        input_.image_contexts.contains(context) || input_.directory_contexts.contains(context);
    return known ? std::optional(std::move(context)) : std::nullopt;
  }

  const PlanInput& input_;
  dockerfile::Stages stages_;
  GlobalArguments globals_;
  std::vector<StageOutline> outlines_;
  std::vector<std::unique_ptr<PlannedStage>> planned_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const BaseImage>> images_;
  PlanDraft draft_;
  std::set<int> anew_;  // stages whose steps are all done again
};

std::shared_ptr<const BaseImage> Planner::image_named(const std::string& name,
                                                      const image::Platform& platform, int user,
                                                      BaseUse use) {
  auto& known = images_[{name, platform.str()}];
  if (known) return known;
  try {
    known = std::make_shared<const BaseImage>(input_.resolve_base(name, platform, use));
  } catch (base::Error& error) {
    if (std::string hint = stages_.hint_for(name, user); !hint.empty()) error.hint(std::move(hint));
    throw;
  }
  return known;
}

// Advice for a FROM that came to nothing: what is known of its variables that have no value.
std::string Planner::hint_for_variables(const dockerfile::From& from) const {
  const char escape = input_.file.directives.escape;
  std::vector<std::string> names = dockerfile::variables_in(from.image.text, escape);
  if (from.platform) {
    const auto more = dockerfile::variables_in(from.platform->text, escape);
    names.insert(names.end(), more.begin(), more.end());
  }
  const auto lookup = globals_.lookup();
  std::vector<std::string_view> declared;
  for (const Instruction& instruction : stages_.global_args()) {
    for (const auto& arg : std::get<dockerfile::Arg>(instruction.what).args) {
      declared.push_back(arg.name.text);
    }
  }
  for (const std::string& name : names) {
    if (!lookup(name).value_or("").empty()) continue;
    if (std::find(declared.begin(), declared.end(), name) != declared.end()) {
      return fmt::format("{0} is empty: give it with --build-arg {0}=…", name);
    }
    if (const auto meant = base::nearest(name, declared)) return "did you mean $" + *meant + "?";
    return fmt::format("{0} is not set: FROM knows what ARG {0} declares above the first FROM",
                       name);
  }
  return "";
}

void Planner::outline_base(const Stage& stage, StageOutline& outline) {
  const dockerfile::From& from = stage.from();
  const auto lookup = globals_.lookup();
  const char escape = input_.file.directives.escape;
  std::string name = dockerfile::expand_word(from.image.text, lookup, escape);
  if (name.empty()) {
    throw base::Error("base name ({}) should not be blank", from.image.text);
  }
  outline.platform = input_.target_platform;
  if (from.platform) {
    base::with_position(input_.source.position(from.platform->span), [&] {
      outline.platform =
          image::Platform::parse(dockerfile::expand_word(from.platform->text, lookup, escape));
    });
  }
  if (stage.index == 0 && input_.request.from) name = *input_.request.from;
  outline.base_text = name;
  if (!stage.name.empty() && context_of(stage.name)) {
    outline.replaced = true;
    name = stage.name;
  }
  if (const auto context = context_of(name)) {
    const auto image = input_.image_contexts.find(*context);
    if (image == input_.image_contexts.end()) {
      outline.base_context = context;
      return;
    }
    name = image->second;
  } else {
    outline.base_stage = stages_.base_of(name, stage.index);
  }
  outline.base_image = name;
  if (outline.base_stage || name == "scratch") return;
  outline.base = image_named(name, outline.platform, stage.index,
                             outline.files_needed ? BaseUse::kFiles : BaseUse::kLayers);
}

std::vector<Instruction> Planner::triggers_of(const Stage& stage,
                                              const StageOutline& outline) const {
  std::vector<std::string> texts;
  if (outline.replaced) return {};
  if (outline.base) texts = outline.base->config.config.on_build;
  if (outline.base_stage) {
    for (const Instruction& instruction : instructions_of(*outline.base_stage)) {
      const auto* onbuild = std::get_if<dockerfile::Onbuild>(&instruction.what);
      if (onbuild != nullptr) texts.push_back(onbuild->trigger);
    }
  }
  std::vector<Instruction> triggers;
  for (const std::string& text : texts) {
    triggers.push_back(dockerfile::parse_onbuild_trigger(text));
    // A trigger has no place of its own: messages point to the FROM that set it off.
    triggers.back().span = stage.from_instruction->span;
  }
  return triggers;
}

void Planner::note_use(int stage, int user, const std::string& how, const dockerfile::Span& span) {
  StageOutline& outline = outlines_[static_cast<std::size_t>(stage)];
  if (outline.used_by >= 0) return;
  outline.used_by = user;
  const base::SourcePosition at = input_.source.position(span);
  outline.use = fmt::format("{} at {}:{}", how, at.file, at.line);
}

// The stages that instructions of stage `user` copy or mount from.
std::vector<int> Planner::note_sources(std::span<const Instruction> instructions, int user) {
  std::vector<int> sources;
  const dockerfile::Span& from = stages_[user].from_instruction->span;
  for (const Instruction& instruction : instructions) {
    for (const dockerfile::FromReference& reference : dockerfile::from_references(instruction)) {
      if (context_of(reference.name)) continue;
      const dockerfile::Span& place = instruction.span == from ? from : reference.span;
      try {
        const auto stage = stages_.source_of(reference.name, user);
        if (!stage) continue;
        sources.push_back(*stage);
        outlines_[static_cast<std::size_t>(*stage)].files_needed = true;
        const bool is_mount = instruction.name == "RUN";
        note_use(*stage, user, (is_mount ? "RUN --mount=from=" : "COPY --from=") + reference.name,
                 place);
      } catch (base::Error& error) {
        error.at(input_.source.position(place));
        throw;
      }
    }
  }
  return sources;
}

bool runs_commands(const Stage& stage) {
  return std::ranges::any_of(stage.instructions, [](const Instruction& instruction) {
    return std::holds_alternative<dockerfile::Run>(instruction.what);
  });
}

void Planner::outline(int index) {
  std::deque<int> wanted = {index};
  while (!wanted.empty()) {
    const Stage& stage = stages_[wanted.front()];
    StageOutline& outline = outlines_[static_cast<std::size_t>(wanted.front())];
    wanted.pop_front();
    if (outline.needed) continue;
    outline.needed = true;
    outline.files_needed =
        outline.files_needed || (!outline.replaced && runs_commands(stage));
    try {
      outline_base(stage, outline);
      outline.triggers = triggers_of(stage, outline);
    } catch (base::Error& error) {
      if (error.hint().empty()) error.hint(hint_for_variables(stage.from()));
      error.at(input_.source.position(stage.from().image.span));
      throw;
    }
    if (outline.base_stage) {
      wanted.push_back(*outline.base_stage);
      note_use(*outline.base_stage, stage.index, "FROM " + stage.from().image.text,
               stage.from().image.span);
      StageOutline& base = outlines_[static_cast<std::size_t>(*outline.base_stage)];
      base.last_continued_by = std::max(base.last_continued_by, stage.index);
      base.files_needed = base.files_needed || outline.files_needed;
    }
    for (const auto instructions :
         {std::span<const Instruction>(outline.triggers), instructions_of(stage.index)}) {
      for (const int source : note_sources(instructions, stage.index)) wanted.push_back(source);
    }
  }
}

SourceResolution Planner::resolve_source(const std::string& name, int user) {
  const auto context = context_of(name);
  if (context && input_.directory_contexts.contains(*context)) return FromContext{*context};
  if (!context) {
    if (const auto stage = stages_.source_of(name, user)) {
      const auto& planned = planned_[static_cast<std::size_t>(*stage)];
      BLD_CHECK(planned);
      return planned->filesystem;
    }
    if (name == "scratch") return draft_.graph.base({});
  }
  const std::string& image = context ? input_.image_contexts.at(*context) : name;
  return draft_.graph.base(
      image_named(image, input_.target_platform, user, BaseUse::kFiles)->config.diff_ids);
}

// Takes from the stage that it continues what no later one needs, so that a chain of stages does
// not copy what it has gathered at each link. The number of the file system stays.
PlannedStage Planner::start_of(int index) {
  const StageOutline& outline = outlines_[static_cast<std::size_t>(index)];
  PlannedStage start;
  if (outline.base_stage) {
    const auto base = static_cast<std::size_t>(*outline.base_stage);
    const bool is_last = outlines_[base].last_continued_by == index;
    start = is_last ? std::move(*planned_[base]) : *planned_[base];
    start.config.config.on_build.clear();
  } else {
    start = first_of_chain(outline.base.get(), outline.base_image, outline.platform, draft_.graph);
  }
  if (!input_.request.inherit_labels) start.config.config.labels.clear();
  return start;
}

void Planner::plan_stage(int index, int count) {
  const Stage& stage = stages_[index];
  const StageOutline& outline = outlines_[static_cast<std::size_t>(index)];
  const auto own = instructions_of(index);
  const int instructions = 1 + static_cast<int>(outline.triggers.size() + own.size());
  StagePlanner planner(input_, globals_, draft_,
                       {.stage = index,
                        .stage_count = count,
                        .name = stage.name,
                        .instruction_count = instructions,
                        .anew = anew_.contains(index)},
                       start_of(index),
                       [&](const std::string& name) { return resolve_source(name, index); });
  std::string from = "FROM " + outline.base_text;
  if (!stage.name.empty()) from += " AS " + stage.name;
  if (outline.base_context) {
    planner.from_directory(*stage.from_instruction, from, *outline.base_context);
  } else {
    planner.from(*stage.from_instruction, from, !outline.base_stage);
  }
  for (const Instruction& instruction : outline.triggers) planner.add_trigger(instruction);
  for (const Instruction& instruction : own) planner.add(instruction);
  planned_[static_cast<std::size_t>(index)] =
      std::make_unique<PlannedStage>(std::move(planner).finish());
}

BuiltStage Planner::built_stage(int index) const {
  const StageOutline& outline = outlines_[static_cast<std::size_t>(index)];
  BuiltStage stage{index, stages_[index].name, std::nullopt, outline.use};
  if (stage.name.empty()) stage.name = std::to_string(index);
  if (outline.used_by >= 0) {
    stage.used_by =
        static_cast<std::size_t>(outlines_[static_cast<std::size_t>(outline.used_by)].number);
  }
  return stage;
}

Plan Planner::run() {
  globals_.declare(stages_.global_args());
  const int target = stages_.target(input_.request.target);
  outline(target);
  for (int index = 0; index < target && !input_.request.skip_unused_stages; ++index) {
    outline(index);
  }
  for (const std::string& name : input_.request.no_cache_stages) {
    anew_.insert(stages_.target(name));
  }
  int count = 0;
  for (StageOutline& outline : outlines_) {
    if (outline.needed) outline.number = count++;
  }
  Plan plan;
  for (int index = 0; index <= target; ++index) {
    const StageOutline& outline = outlines_[static_cast<std::size_t>(index)];
    if (!outline.needed) continue;
    plan.stages.push_back(built_stage(index));
    plan_stage(index, target + 1);
    plan.also_wanted.push_back(planned_[static_cast<std::size_t>(index)]->filesystem);
  }
  if (input_.request.skip_unused_stages) plan.also_wanted.clear();
  PlannedStage& result = *planned_[static_cast<std::size_t>(target)];
  plan.stage_count = target + 1;
  plan.result = result.filesystem;
  plan.target_base = result.base_filesystem;
  plan.config = std::move(result.config);
  plan.history = std::move(draft_.history).take(result.history);
  plan.base_name = result.base_name;
  plan.base_digest = result.base_digest;
  plan.graph = std::move(draft_.graph).finish();
  plan.instructions = std::move(draft_.instructions);
  plan.unused_build_args = globals_.unused();
  plan.warnings = input_.file.warnings;
  plan.warnings.insert(plan.warnings.end(), draft_.warnings.begin(), draft_.warnings.end());
  return plan;
}

}  // namespace

Plan plan(const PlanInput& input) { return Planner(input).run(); }

}  // namespace bld::builder
