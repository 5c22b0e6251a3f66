// Rules over the instructions of one stage, with the variables that are in force at each.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "dockerfile/expand.h"
#include "dockerfile/lint_run.h"
#include "dockerfile/pattern.h"
#include "dockerfile/run_mount.h"
#include "dockerfile/variable_uses.h"

namespace bld::dockerfile {

namespace {

// Whether one of the parts between underscores is one of the words.
template <std::size_t kCount>
bool has_part(std::string_view name, const std::array<std::string_view, kCount>& words) {
  const std::vector<std::string> parts = base::split(base::to_lower(name), '_');
  return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
    return std::find(words.begin(), words.end(), part) != words.end();
  });
}

bool sounds_secret(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kSecret = {
      "apikey",   "auth",  "credential", "credentials", "key",
      "password", "pword", "passwd",     "secret",      "token"};
  static constexpr std::array<std::string_view, 3> kHarmless = {"public", "file", "version"};
  return has_part(name, kSecret) && !has_part(name, kHarmless);
}

bool is_absolute(std::string_view path) {
  if (path.starts_with('/') || path.starts_with('\\')) return true;
  return path.size() > 1 && path[1] == ':';  // a drive of Windows
}

class StageLint {
 public:
  StageLint(LintRun& run, const LintGlobals& globals, const Stage& stage,
            const std::shared_ptr<const LintScope>& below, bool wanted)
      : run_(run),
        globals_(globals),
        stage_(stage),
        wanted_(wanted),
        scope_(LintScope::on_top_of(below)) {}

  std::shared_ptr<const LintScope> lint();

 private:
  void visit(const Instruction& instruction);
  void words(const Instruction& instruction);
  void word(const Word& word);
  void heredoc(const Heredoc& heredoc);
  void uses_in(std::string_view text, const Span& span, const std::vector<VariableUse>& uses);
  void undefined(const std::string& name, const Span& span);

  void env(const Env& env);
  void arg(const Arg& arg);
  void expose(const Expose& expose);
  void workdir(const Workdir& workdir);
  void command(const CommandLine& command, const Span*& before);
  void legacy(bool is_legacy, const std::vector<KeyValue>& pairs);
  void secret(const Word& name);
  void multiple(const Span*& before);

  void report(std::string_view rule, const Span& span, std::string detail) {
    if (wanted_) run_.report(rule, span, std::move(detail));
  }

  std::optional<std::string> expand(const Word& word) const {
    return scope_->expand(word.text, run_.escape());
  }

  LintRun& run_;
  const LintGlobals& globals_;
  const Stage& stage_;
  bool wanted_;
  std::shared_ptr<LintScope> scope_;
  const Instruction* at_ = nullptr;
  std::set<std::string> told_;          // of the current instruction
  std::set<std::string> of_the_image_;  // names that it may define, for all that is known
  const Span *cmd_ = nullptr, *entrypoint_ = nullptr, *healthcheck_ = nullptr;
  OwnRuleState own_;
};

// Whether a missing variable is a mistake, when the image below may define it: the file has it
// elsewhere, or nearly.
bool is_mistake(const std::string& name, const LintGlobals& globals,
                const std::set<std::string>& known) {
  if (globals.args.contains(name) || globals.predefined.contains(name)) return true;
  return std::any_of(known.begin(), known.end(),
                     [&](const std::string& candidate) { return one_slip_apart(name, candidate); });
}

void StageLint::undefined(const std::string& name, const Span& span) {
  if (scope_->knows(name) || !told_.insert(name).second) return;
  if (of_the_image_.contains(name)) return;
  const bool compare = !scope_->has_many_names() && run_.may_suggest();
  const std::set<std::string> known = compare ? scope_->names() : std::set<std::string>();
  if (!scope_->complete && !is_mistake(name, globals_, known)) {
    of_the_image_.insert(name);
    return;
  }
  std::string hint = suggestion(name, known, "$");
  if (globals_.args.contains(name) || globals_.predefined.contains(name)) {
    hint = fmt::format(" (ARG {} is missing in this stage)", name);
  }
  report("UndefinedVar", run_.find_variable(span, name),
         fmt::format("Usage of undefined variable '${}'{}", name, hint));
}

void StageLint::uses_in(std::string_view text, const Span& span,
                        const std::vector<VariableUse>& uses) {
  if (uses.empty()) return;
  for (const VariableUse& use : uses) {
    // A letter beyond ASCII goes on with the name.
    const bool goes_on = use.end < text.size() && (text[use.end] & 0x80) != 0;
    if (!use.may_be_unset && !goes_on) undefined(use.name, span);
  }
}

void StageLint::word(const Word& word) {
  if (!wanted_) return;
  uses_in(word.text, word.span, variable_uses(word.text, QuoteMeaning::kGroup, run_.escape()));
}

void StageLint::heredoc(const Heredoc& heredoc) {
  if (!wanted_ || !heredoc.expand) return;
  const int line = heredoc.span.line + 1;
  uses_in(heredoc.body, {line, 1, 0, at_->span.last_line},
          variable_uses(heredoc.body, QuoteMeaning::kLiteral));
}

template <typename CopyOrAdd>
void for_each_word(const CopyOrAdd& what, const std::function<void(const Word&)>& word,
                   const std::function<void(const Heredoc&)>& heredoc) {
  for (const CopySource& source : what.sources) {
    if (const auto* body = std::get_if<Heredoc>(&source)) {
      heredoc(*body);
    } else {
      word(std::get<Word>(source));
    }
  }
  word(what.destination);
  if (what.chown) word(*what.chown);
  if (what.chmod) word(*what.chmod);
  for (const Word& exclude : what.excludes) word(exclude);
}

// The words that the builder expands, but for those of ENV and ARG.
void StageLint::words(const Instruction& instruction) {
  const auto one = [this](const Word& text) { word(text); };
  const auto body = [this](const Heredoc& text) { heredoc(text); };
  if (const auto* copy = std::get_if<Copy>(&instruction.what)) {
    for_each_word(*copy, one, body);
  } else if (const auto* add = std::get_if<Add>(&instruction.what)) {
    for_each_word(*add, one, body);
    if (add->checksum) word(*add->checksum);
  } else if (const auto* label = std::get_if<Label>(&instruction.what)) {
    for (const KeyValue& pair : label->pairs) {
      word(pair.key);
      word(pair.value);
    }
  } else if (const auto* run = std::get_if<Run>(&instruction.what)) {
    for (const Word& mount : run->mounts) word(mount);
  } else if (const auto* expose = std::get_if<Expose>(&instruction.what)) {
    for (const Word& port : expose->ports) word(port);
  } else if (const auto* volume = std::get_if<Volume>(&instruction.what)) {
    for (const Word& path : volume->paths) word(path);
  } else if (const auto* user = std::get_if<User>(&instruction.what)) {
    word(user->user);
  } else if (const auto* workdir = std::get_if<Workdir>(&instruction.what)) {
    word(workdir->path);
  } else if (const auto* signal = std::get_if<StopSignal>(&instruction.what)) {
    word(signal->signal);
  }
}

void StageLint::secret(const Word& name) {
  if (!sounds_secret(name.text)) return;
  report("SecretsUsedInArgOrEnv", run_.find(name.span, name.text),
         fmt::format("Do not use ARG or ENV instructions for sensitive data ({} \"{}\")", at_->name,
                     name.text));
}

void StageLint::legacy(bool is_legacy, const std::vector<KeyValue>& pairs) {
  if (!is_legacy || pairs.empty()) return;
  report("LegacyKeyValueFormat", pairs.front().key.span,
         fmt::format("\"{0} key=value\" should be used instead of legacy \"{0} key value\" format",
                     at_->name_as_written));
}

void StageLint::env(const Env& env) {
  legacy(env.legacy_form, env.pairs);
  for (const KeyValue& pair : env.pairs) {
    word(pair.key);
    word(pair.value);
    secret(pair.key);
  }
  std::vector<std::pair<std::string, std::optional<std::string>>> values;
  for (const KeyValue& pair : env.pairs) {
    if (const auto name = expand(pair.key)) values.emplace_back(*name, expand(pair.value));
  }
  for (auto& [name, value] : values) scope_->set[name] = std::move(value);
}

void StageLint::arg(const Arg& arg) {
  for (const ArgDefinition& definition : arg.args) {
    secret(definition.name);
    const auto name = expand(definition.name);
    if (!name) continue;
    const auto given = run_.input.build_args.find(*name);
    if (given != run_.input.build_args.end()) {
      scope_->set[*name] = given->second;
    } else if (definition.value) {
      word(*definition.value);
      scope_->set[*name] = expand(*definition.value);
    } else if (const auto* value = globals_.scope.find(*name)) {
      scope_->set[*name] = *value;
    } else {
      scope_->declared.insert(*name);
    }
  }
}

void StageLint::expose(const Expose& expose) {
  for (const Word& port : expose.ports) {
    const auto text = expand(port);
    if (!text) continue;
    const std::size_t slash = text->find('/');
    const std::string protocol = slash == std::string::npos ? "" : text->substr(slash + 1);
    if (base::to_lower(protocol) != protocol) {
      report("ExposeProtoCasing", run_.find(port.span, protocol),
             fmt::format("Defined protocol '{}' in EXPOSE instruction should be lowercase", *text));
    }
    if (text->substr(0, slash).find(':') != std::string::npos) {
      report("ExposeInvalidFormat", port.span,
             fmt::format("EXPOSE instruction should not define an IP address or host-port mapping, "
                         "found '{}'",
                         *text));
    }
  }
}

void StageLint::workdir(const Workdir& workdir) {
  const auto path = expand(workdir.path);
  if (path && !scope_->workdir_is_set && !is_absolute(*path)) {
    report("WorkdirRelativePath", workdir.path.span,
           fmt::format("Relative workdir \"{}\" can have unexpected results if the base image "
                       "changes",
                       *path));
  }
  scope_->workdir_is_set = true;
}

// The earlier one is the one that does nothing.
void StageLint::multiple(const Span*& before) {
  if (before != nullptr) {
    report("MultipleInstructionsDisallowed", *before,
           fmt::format("Multiple {} instructions should not be used in the same stage because only "
                       "the last one will be used",
                       at_->name));
  }
  before = &at_->name_span;
}

void StageLint::command(const CommandLine& command, const Span*& before) {
  multiple(before);
  if (!command.is_shell || scope_->has_shell) return;
  report("JSONArgsRecommended", command.span,
         fmt::format("JSON arguments recommended for {} to prevent unintended behavior related to "
                     "OS signals",
                     at_->name));
}

void StageLint::visit(const Instruction& instruction) {
  at_ = &instruction;
  told_.clear();
  words(instruction);
  if (wanted_) {
    lint_sources(run_, stage_, instruction);
    lint_own(run_, globals_, *scope_, instruction, own_);
  }
  if (const auto* cmd = std::get_if<Cmd>(&instruction.what)) {
    command(cmd->command, cmd_);
  } else if (const auto* entrypoint = std::get_if<Entrypoint>(&instruction.what)) {
    command(entrypoint->command, entrypoint_);
  } else if (std::holds_alternative<Healthcheck>(instruction.what)) {
    multiple(healthcheck_);
  } else if (const auto* env_line = std::get_if<Env>(&instruction.what)) {
    env(*env_line);
  } else if (const auto* label = std::get_if<Label>(&instruction.what)) {
    legacy(label->legacy_form, label->pairs);
  } else if (const auto* arg_line = std::get_if<Arg>(&instruction.what)) {
    arg(*arg_line);
  } else if (const auto* ports = std::get_if<Expose>(&instruction.what)) {
    expose(*ports);
  } else if (const auto* directory = std::get_if<Workdir>(&instruction.what)) {
    workdir(*directory);
  } else if (std::holds_alternative<Shell>(instruction.what)) {
    scope_->has_shell = true;
  } else if (std::holds_alternative<Maintainer>(instruction.what)) {
    report("MaintainerDeprecated", instruction.name_span,
           "Maintainer instruction is deprecated in favor of using label");
  }
}

std::shared_ptr<const LintScope> StageLint::lint() {
  for (const Instruction& instruction : stage_.instructions) visit(instruction);
  return std::move(scope_);
}

bool is_url(std::string_view text) {
  return text.find("://") != std::string_view::npos || text.starts_with("git@");
}

void check_ignored(LintRun& run, std::string_view verb, const std::vector<CopySource>& sources) {
  const IgnoreFile* ignore = run.input.ignore;
  // A file brought back below an ignored folder makes copying the folder sensible.
  if (ignore == nullptr || ignore->has_exceptions()) return;
  for (const CopySource& source : sources) {
    const auto* word = std::get_if<Word>(&source);
    if (word == nullptr || is_url(word->text)) continue;
    if (!variables_in(word->text, run.escape()).empty()) continue;
    std::string_view path = word->text;
    while (path.starts_with('/')) path.remove_prefix(1);
    const std::string clean = clean_path(path);
    if (!ignore->ignored(clean)) continue;
    run.report("CopyIgnoredFile", word->span,
               fmt::format("Attempting to {} file \"{}\" that is excluded by the ignore file", verb,
                           clean));
  }
}

}  // namespace

void lint_sources(LintRun& run, const Stage& stage, const Instruction& instruction) {
  if (const auto* copy = std::get_if<Copy>(&instruction.what)) {
    if (!copy->from) check_ignored(run, "Copy", copy->sources);
  } else if (const auto* add = std::get_if<Add>(&instruction.what)) {
    check_ignored(run, "Add", add->sources);
  }
  constexpr std::size_t kMostStages = 1000;  // each is compared with each name
  const std::size_t compared = std::min(run.stages.all().size(), kMostStages);
  for (const FromReference& reference : from_references(instruction)) {
    if (run.is_named_context(reference.name)) continue;
    if (base::parse_unsigned(reference.name)) continue;
    if (run.stages.base_of(reference.name, stage.index)) continue;
    const std::string name = base::to_lower(reference.name);
    for (const Stage& other : run.stages.all().first(compared)) {
      const bool slip = other.index < stage.index && one_slip_apart(name, other.name) &&
                        name.find_first_of("/:.@") == std::string::npos;
      const bool later = other.index > stage.index && other.name == name;
      if (!slip && !later) continue;
      run.report("StageUsedBeforeDefined", run.find(reference.span, reference.name),
                 later
                     ? fmt::format("The stage '{}' is defined below; here the name means an image",
                                   reference.name)
                     : fmt::format("There is no stage '{}', so that it means an image (did you "
                                   "mean {}?)",
                                   reference.name, other.name));
      break;
    }
  }
}

std::shared_ptr<const LintScope> lint_stage(LintRun& run, const LintGlobals& globals,
                                            const Stage& stage,
                                            const std::shared_ptr<const LintScope>& below,
                                            bool instructions_wanted) {
  return StageLint(run, globals, stage, below, instructions_wanted).lint();
}

}  // namespace bld::dockerfile
