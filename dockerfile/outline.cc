#include "dockerfile/outline.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "dockerfile/expand.h"
#include "dockerfile/reachable.h"
#include "dockerfile/run_mount.h"
#include "dockerfile/stages.h"

namespace bld::dockerfile {

namespace {

using Values = std::map<std::string, std::string>;

std::string description_of(const Instruction& instruction, const std::string& name) {
  if (name.empty()) return {};
  for (const std::string& comment : instruction.comments) {
    if (comment.starts_with(name + " ")) return comment.substr(name.size() + 1);
  }
  return {};
}

class Outliner {
 public:
  Outliner(const Containerfile& file, const Values& build_args, const Values& predefined)
      : file_(file), stages_(file), build_args_(build_args), predefined_(predefined) {}

  Outline outline(const std::string& target);

 private:
  std::string expand(const std::string& text, const Values& values) const;
  void read_globals();
  void read_stage(const Stage& stage);
  void read_mount(const std::string& text, const Values& values, const Span& span);
  void use_globals_in(const std::string& text);
  void use_global(const std::string& name);
  static void add(std::vector<OutlineMount>& mounts, OutlineMount mount);

  const Containerfile& file_;
  const Stages stages_;
  const Values& build_args_;
  const Values& predefined_;
  Values globals_;
  std::map<std::string, OutlineArgument> global_arguments_;
  std::map<std::string, std::string> global_defaults_;  // as written
  std::map<std::string, OutlineArgument> arguments_;
  Outline outline_;
};

// As written if it depends on what is not known.
std::string Outliner::expand(const std::string& text, const Values& values) const {
  bool known = true;
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    if (found != values.end()) return found->second;
    known = false;
    return std::nullopt;
  };
  try {
    std::string result = expand_word(text, lookup, file_.directives.escape);
    return known ? result : text;
  } catch (const base::Error&) {
    return text;
  }
}

void Outliner::read_globals() {
  globals_ = predefined_;
  for (const Instruction& instruction : stages_.global_args()) {
    for (const ArgDefinition& arg : std::get<Arg>(instruction.what).args) {
      const std::string& name = arg.name.text;
      const auto given = build_args_.find(name);
      if (given != build_args_.end()) {
        globals_[name] = given->second;
      } else if (arg.value) {
        globals_[name] = expand(arg.value->text, globals_);
      }
      if (arg.value) global_defaults_[name] = arg.value->text;
      const auto value = globals_.find(name);
      global_arguments_[name] = {name, description_of(instruction, name),
                                 value == globals_.end() ? "" : value->second, arg.name.span};
    }
  }
}

void Outliner::use_global(const std::string& name) {
  const auto found = global_arguments_.find(name);
  if (found == global_arguments_.end() || !arguments_.emplace(name, found->second).second) return;
  const auto written = global_defaults_.find(name);
  if (written != global_defaults_.end()) use_globals_in(written->second);
}

void Outliner::use_globals_in(const std::string& text) {
  for (const std::string& name : variables_in(text, file_.directives.escape)) use_global(name);
}

void Outliner::add(std::vector<OutlineMount>& mounts, OutlineMount mount) {
  const auto found = std::find_if(mounts.begin(), mounts.end(),
                                  [&](const OutlineMount& known) { return known.id == mount.id; });
  if (found == mounts.end()) {
    mounts.push_back(std::move(mount));
  } else {
    found->required = found->required || mount.required;
  }
}

void Outliner::read_mount(const std::string& text, const Values& values, const Span& span) {
  const RunMount mount = parse_run_mount(
      text, [&](std::string_view value) { return expand(std::string(value), values); });
  if (mount.type == RunMount::Type::kSecret) {
    const std::string id =
        mount.id.empty() ? mount.target.substr(mount.target.rfind('/') + 1) : mount.id;
    add(outline_.secrets, {id, mount.required, span});
  } else if (mount.type == RunMount::Type::kSsh) {
    add(outline_.ssh, {mount.id.empty() ? "default" : mount.id, mount.required, span});
  } else if (mount.type == RunMount::Type::kCache) {
    add(outline_.caches, {mount.id.empty() ? mount.target : mount.id, false, span});
  }
}

void Outliner::read_stage(const Stage& stage) {
  use_globals_in(stage.from().image.text);
  if (stage.from().platform) use_globals_in(stage.from().platform->text);
  Values values;
  std::map<std::string, OutlineArgument> own;
  for (const Instruction& instruction : stage.instructions) {
    if (const auto* env = std::get_if<Env>(&instruction.what)) {
      for (const KeyValue& pair : env->pairs)
        values[pair.key.text] = expand(pair.value.text, values);
    } else if (const auto* run = std::get_if<Run>(&instruction.what)) {
      for (const Word& mount : run->mounts) read_mount(mount.text, values, mount.span);
    }
    const auto* line = std::get_if<Arg>(&instruction.what);
    if (line == nullptr) continue;
    for (const ArgDefinition& arg : line->args) {
      const std::string& name = arg.name.text;
      const auto given = build_args_.find(name);
      const auto global = globals_.find(name);
      if (!arg.value && given == build_args_.end() && global != globals_.end()) {
        values[name] = global->second;
        use_global(name);
        continue;
      }
      if (given != build_args_.end()) {
        values[name] = given->second;
      } else if (arg.value) {
        values[name] = expand(arg.value->text, values);
      }
      const auto value = values.find(name);
      own[name] = {name, description_of(instruction, name),
                   value == values.end() ? "" : value->second, arg.name.span};
      if (!arg.value && global_arguments_.contains(name)) own[name] = global_arguments_[name];
    }
  }
  arguments_.insert(own.begin(), own.end());
}

Outline Outliner::outline(const std::string& target) {
  read_globals();
  const Stage& stage = stages_[stages_.target(target)];
  outline_.name = stage.name;
  outline_.description = description_of(*stage.from_instruction, stage.from().name_as_written);
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = globals_.find(std::string(name));
    return found == globals_.end() ? std::nullopt : std::optional(found->second);
  };
  const auto reachable = reachable_stages(stages_, stage.index, lookup, file_.directives.escape);
  // Of several definitions of one name that nearest to the target is told.
  for (int index = stage.index; index >= 0; --index) {
    if (reachable[static_cast<std::size_t>(index)]) read_stage(stages_[index]);
  }
  for (auto& [name, argument] : arguments_) outline_.arguments.push_back(std::move(argument));
  const auto by_line = [](const auto& a, const auto& b) {
    return std::pair(a.span.line, a.span.column) < std::pair(b.span.line, b.span.column);
  };
  std::stable_sort(outline_.arguments.begin(), outline_.arguments.end(), by_line);
  for (auto* mounts : {&outline_.secrets, &outline_.ssh, &outline_.caches}) {
    std::stable_sort(mounts->begin(), mounts->end(), by_line);
  }
  return std::move(outline_);
}

}  // namespace

std::vector<Target> targets_of(const Containerfile& file) {
  const Stages stages(file);
  std::vector<Target> targets;
  for (const Stage& stage : stages.all()) {
    const From& from = stage.from();
    targets.push_back(
        {.name = stage.name,
         .description = description_of(*stage.from_instruction, from.name_as_written),
         .base = from.image.text,
         .platform = from.platform ? from.platform->text : "",
         .is_default = static_cast<std::size_t>(stage.index) + 1 == stages.all().size(),
         .span = stage.from_instruction->span});
  }
  return targets;
}

Outline outline_of(const Containerfile& file, const std::string& target,
                   const std::map<std::string, std::string>& build_args,
                   const std::map<std::string, std::string>& predefined) {
  return Outliner(file, build_args, predefined).outline(target);
}

}  // namespace bld::dockerfile
