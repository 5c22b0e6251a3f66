#include "builder/stage_planner.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/chmod_mode.h"
#include "builder/config_edit.h"
#include "builder/url_text.h"
#include "dockerfile/expand.h"
#include "dockerfile/values.h"

namespace bld::builder {

namespace {

constexpr std::string_view kNoOperation = "/bin/sh -c #(nop) ";

bool names_a_directory(std::string_view path) {
  return path.ends_with('/') || path == "." || path.ends_with("/.");
}

// Relative to WORKDIR. A slash at the end, which says that a folder is meant, stays; "." says it,
// too.
std::string resolve_destination(const image::RunConfig& config, std::string_view path) {
  std::string result =
      path.starts_with('/') ? std::string(path) : config.working_dir + "/" + std::string(path);
  if (!result.starts_with('/')) result.insert(0, "/");
  if (names_a_directory(path) && !result.ends_with('/')) result += '/';
  return result;
}

// A trigger is in no file of the user's: errors tell its first line.
std::string shown_trigger(const dockerfile::Instruction& instruction) {
  constexpr std::size_t kMostShown = 100;
  const std::string text = without_passwords(instruction.original);
  return "ONBUILD " + base::printable(text.substr(0, std::min(text.find('\n'), kMostShown)));
}

}  // namespace

PlannedStage first_of_chain(const BaseImage* base, const std::string& name,
                            const image::Platform& platform, GraphBuilder& graph) {
  PlannedStage stage;
  if (base == nullptr) {
    stage.config.platform = platform;
    stage.filesystem = graph.base({});
  } else {
    stage.config = base->config;
    stage.config.config.on_build.clear();
    stage.filesystem = graph.base(base->config.diff_ids);
    stage.base_name = base->name.empty() ? name : base->name;
    stage.base_digest = base->manifest_digest;
  }
  auto& env = stage.config.config.env;
  if (!find_variable(env, "PATH")) env.emplace_back(kDefaultPath);
  stage.base_filesystem = stage.filesystem;
  stage.variables = Variables(stage.config.config.env);
  return stage;
}

// What each instruction does; one overload an instruction.
struct StagePlanner::Visitor {
  StagePlanner& self;
  const dockerfile::Instruction& instruction;

  void configured() const {
    self.announce(instruction);
    self.note(std::string(kNoOperation) + instruction.original);
  }

  void operator()(const dockerfile::From&) const {}  // from() plans it

  void operator()(const dockerfile::Run& run) const { self.run(instruction, run); }

  void operator()(const dockerfile::Copy& copy) const { self.copy(instruction, copy); }

  void operator()(const dockerfile::Add& add) const { self.add_files(instruction, add); }

  void operator()(const dockerfile::Cmd& cmd) const {
    self.config().cmd = command_words(cmd.command, self.config());
    self.command_is_own_ = true;
    configured();
  }

  void operator()(const dockerfile::Entrypoint& entrypoint) const {
    self.config().entrypoint = command_words(entrypoint.command, self.config());
    if (!self.command_is_own_) self.config().cmd.reset();
    configured();
  }

  void operator()(const dockerfile::Env& env) const {
    std::vector<NameAndValue> values;
    for (const auto& pair : env.pairs) {
      values.emplace_back(self.expand(pair.key), self.expand(pair.value));
    }
    for (const auto& [name, value] : values) self.stage_.variables.set_env(name, value);
    self.config().env = self.stage_.variables.env();
    configured();
  }

  void operator()(const dockerfile::Label& label) const {
    for (const auto& pair : label.pairs) {
      self.config().labels[self.expand(pair.key)] = self.expand(pair.value);
    }
    configured();
  }

  void operator()(const dockerfile::Arg& arg) const {
    for (const auto& definition : arg.args) {
      const std::string name = self.expand(definition.name);
      std::optional<std::string> stage_default;
      if (definition.value) stage_default = self.expand(*definition.value);
      self.stage_.variables.set_arg(name, self.globals_.value_in_stage(name, stage_default));
    }
    configured();
  }

  void expose(const std::string& word) const {
    const auto texts = dockerfile::expand_words(word, self.stage_.variables.lookup(), self.escape_);
    for (const std::string& text : texts) {
      for (const std::string& port : dockerfile::exposed_ports(text)) {
        add_exposed_port(self.config(), port);
      }
    }
  }

  void operator()(const dockerfile::Expose& expose) const {
    for (const auto& word : expose.ports) {
      base::with_position(self.place_of(word.span), [&] { this->expose(word.text); });
    }
    configured();
  }

  void operator()(const dockerfile::Volume& volume) const {
    for (const auto& path : volume.paths) {
      std::string value = self.expand(path);
      if (value.empty()) throw base::Error("VOLUME: a path is blank");
      add_volume(self.config(), value);
    }
    configured();
  }

  void operator()(const dockerfile::User& user) const {
    self.config().user = self.expand(user.user);
    self.user_place_ = self.place_of(user.user.span);
    configured();
  }

  void operator()(const dockerfile::Workdir& workdir) const {
    self.config().working_dir = resolve_directory(self.config(), self.expand(workdir.path));
    std::string created_by = std::string(kNoOperation) + "WORKDIR " + self.config().working_dir;
    if (self.config().working_dir == "/") {
      self.announce(instruction);
      return self.note(std::move(created_by));
    }
    self.add_step(instruction, WorkdirOperation{self.config().working_dir, self.config().user},
                  {self.stage_.filesystem}, std::move(created_by));
  }

  void operator()(const dockerfile::StopSignal& stop_signal) const {
    self.config().stop_signal = self.expand(stop_signal.signal);
    base::with_position(self.place_of(stop_signal.signal.span),
                        [&] { dockerfile::check_stop_signal(self.config().stop_signal); });
    configured();
  }

  void operator()(const dockerfile::Healthcheck& healthcheck) const {
    set_healthcheck(self.config(), healthcheck);
    configured();
  }

  void operator()(const dockerfile::Shell& shell) const {
    self.config().shell = shell.shell;
    configured();
  }

  void operator()(const dockerfile::Maintainer& maintainer) const {
    self.stage_.config.author = maintainer.author;
    configured();
  }

  void operator()(const dockerfile::Onbuild& onbuild) const {
    self.config().on_build.push_back(onbuild.trigger);
    configured();
  }
};

StagePlanner::StagePlanner(const PlanInput& input, GlobalArguments& globals, PlanDraft& draft,
                           StageTitle title, PlannedStage start, SourceResolver resolve)
    : input_(input),
      globals_(globals),
      draft_(draft),
      title_(std::move(title)),
      stage_(std::move(start)),
      resolve_(std::move(resolve)),
      escape_(input.file.directives.escape) {}

std::string StagePlanner::expand(const dockerfile::Word& word) const {
  try {
    return dockerfile::expand_word(word.text, stage_.variables.lookup(), escape_);
  } catch (base::Error& error) {
    if (auto similar = similar_variable(word); similar && error.hint().empty()) {
      error.hint("did you mean " + *similar + "?");
    }
    error.at(place_of(word.span));
    throw;
  }
}

// A variable that is set, for one in the word that is not.
std::optional<std::string> StagePlanner::similar_variable(const dockerfile::Word& word) const {
  std::vector<std::string_view> known;
  for (const auto& [name, value] : stage_.variables.args()) known.push_back(name);
  for (const std::string_view entry : stage_.variables.env()) {
    known.push_back(entry.substr(0, entry.find('=')));
  }
  for (const std::string& name : dockerfile::variables_in(word.text, escape_)) {
    if (!stage_.variables.find(name)) return base::nearest(name, known);
  }
  return std::nullopt;
}

base::SourcePosition StagePlanner::place_of(const dockerfile::Span& part) const {
  return input_.source.position(trigger_ != nullptr ? trigger_->span : part);
}

void StagePlanner::add_trigger(const dockerfile::Instruction& instruction) {
  trigger_ = &instruction;
  add(instruction);
  trigger_ = nullptr;
}

base::StepId StagePlanner::announce(const dockerfile::Instruction& instruction) {
  const auto id = static_cast<base::StepId>(draft_.instructions.size());
  draft_.instructions.push_back(
      {{.step = id,
        .stage = title_.stage,
        .stage_count = title_.stage_count,
        .stage_name = title_.name,
        .number = ++number_,
        .count = title_.instruction_count,
        .platform = input_.request.is_one_of_several ? input_.target_platform.str() : std::string(),
        .text = without_passwords(instruction.original)},
       std::nullopt});
  return id;
}

void StagePlanner::note(std::string created_by) {
  stage_.history = draft_.history.add(stage_.history, {std::move(created_by), std::nullopt});
}

void StagePlanner::add_step(const dockerfile::Instruction& instruction, Operation operation,
                            std::vector<NodeId> inputs, std::string created_by) {
  Step step;
  step.operation = std::move(operation);
  step.inputs = std::move(inputs);
  step.position = input_.source.position(instruction.span);
  step.event = announce(instruction);
  step.text = without_passwords(instruction.original);
  step.anew = title_.anew;
  if (trigger_ != nullptr) step.trigger = shown_trigger(instruction);
  stage_.filesystem = draft_.graph.add(std::move(step));
  draft_.instructions.back().step = stage_.filesystem;
  stage_.history = draft_.history.add(stage_.history, {std::move(created_by), stage_.filesystem});
}

void StagePlanner::from(const dockerfile::Instruction& instruction, const std::string& shown,
                        bool is_image) {
  announce(instruction);
  draft_.instructions.back().shown.text = without_passwords(shown);
  if (is_image) draft_.instructions.back().step = stage_.filesystem;
  begin_environment();
}

void StagePlanner::from_directory(const dockerfile::Instruction& instruction,
                                  const std::string& shown, const std::string& context) {
  CopyOperation operation;
  operation.sources.emplace_back("/");
  operation.destination = "/";
  add_step(instruction, FileOperation{std::move(operation), FromContext{context}},
           {stage_.filesystem}, std::string(kNoOperation) + instruction.original);
  draft_.instructions.back().shown.text = without_passwords(shown);
  begin_environment();
}

// --env and --unsetenv count from the first line on.
void StagePlanner::begin_environment() {
  for (const auto& [name, value] : input_.request.env) stage_.variables.set_env(name, value);
  config().env = stage_.variables.env();
}

void StagePlanner::add(const dockerfile::Instruction& instruction) {
  try {
    std::visit(Visitor{*this, instruction}, instruction.what);
  } catch (base::Error& error) {
    if (trigger_ != nullptr) error.add_context(shown_trigger(instruction));
    error.at(input_.source.position(instruction.span));
    throw;
  }
}

FileSource StagePlanner::source_of(const std::string& name, std::vector<NodeId>& inputs) {
  const SourceResolution resolved = resolve_(name);
  if (const auto* context = std::get_if<FromContext>(&resolved)) return *context;
  inputs.push_back(std::get<NodeId>(resolved));
  return FromStep{inputs.size() - 1};
}

template <typename CopyOrAdd>
CopyPlaces StagePlanner::places_of(const CopyOrAdd& what) const {
  CopyPlaces places;
  if (trigger_ != nullptr) return places;
  for (const dockerfile::CopySource& source : what.sources) {
    std::visit([&](const auto& word) { places.sources.push_back(place_of(word.span)); }, source);
  }
  if (what.chown) places.chown = place_of(what.chown->span);
  if (what.chmod) places.chmod = place_of(what.chmod->span);
  return places;
}

template <typename CopyOrAdd>
CopyOperation StagePlanner::common_part(const CopyOrAdd& what) {
  CopyOperation operation;
  operation.places = places_of(what);
  for (const dockerfile::CopySource& source : what.sources) {
    if (const auto* heredoc = std::get_if<dockerfile::Heredoc>(&source)) {
      std::string content = heredoc->content();
      if (heredoc->expand) {
        content = dockerfile::expand_heredoc(content, stage_.variables.lookup());
      }
      operation.sources.emplace_back(InlineFile{heredoc->name, std::move(content)});
    } else {
      operation.sources.emplace_back(expand(std::get<dockerfile::Word>(source)));
    }
  }
  operation.destination = resolve_destination(config(), expand(what.destination));
  if (what.chown) operation.chown = expand(*what.chown);
  if (what.chmod) {
    operation.chmod = expand(*what.chmod);
    base::with_position(place_of(what.chmod->span), [&] {
      if (!operation.chmod.empty()) ChmodMode::parse(operation.chmod);
    });
  }
  operation.link = what.link;
  for (const dockerfile::Word& exclude : what.excludes) {
    operation.excludes.push_back(expand(exclude));
  }
  return operation;
}

void StagePlanner::copy(const dockerfile::Instruction& instruction, const dockerfile::Copy& copy) {
  CopyOperation operation = common_part(copy);
  operation.parents = copy.parents;
  std::vector<NodeId> inputs = {stage_.filesystem};
  FileSource source = FromContext{""};
  if (copy.from) {
    try {
      source = source_of(copy.from->text, inputs);
    } catch (base::Error& error) {
      error.at(place_of(copy.from->span));
      throw;
    }
  }
  add_step(instruction, FileOperation{std::move(operation), source}, std::move(inputs),
           std::string(kNoOperation) + without_passwords(instruction.original));
}

void StagePlanner::add_files(const dockerfile::Instruction& instruction,
                             const dockerfile::Add& add) {
  CopyOperation operation = common_part(add);
  operation.kind = CopyKind::kAdd;
  if (add.checksum) operation.checksum = expand(*add.checksum);
  operation.unpack = add.unpack;
  operation.keep_git_dir = add.keep_git_dir.value_or(false);
  add_step(instruction, FileOperation{std::move(operation), FromContext{""}}, {stage_.filesystem},
           std::string(kNoOperation) + without_passwords(instruction.original));
}

PlannedStage StagePlanner::finish() && { return std::move(stage_); }

}  // namespace bld::builder
