// bld's own rules: what people lose time with. Each is silent where it is not sure.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "dockerfile/lint_run.h"
#include "dockerfile/shell_commands.h"
#include "dockerfile/variable_uses.h"

namespace bld::dockerfile {

namespace {

template <std::size_t kCount>
bool is_one_of(std::string_view word, const std::array<std::string_view, kCount>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool has_word(const ShellCommand& command, std::string_view word) {
  return std::find(command.words.begin(), command.words.end(), word) != command.words.end();
}

// The text that a shell gets; empty for the JSON form.
std::string script_of(const CommandLine& command) {
  if (!command.is_shell) return {};
  return command.only_heredoc ? command.heredocs.front().content() : command.shell_text;
}

bool is_apt(const ShellCommand& command) {
  static constexpr std::array<std::string_view, 3> kNames = {"apt-get", "apt", "aptitude"};
  return is_one_of(base_name(command.words.front()), kNames);
}

bool installs(const ShellCommand& command) {
  static constexpr std::array<std::string_view, 3> kVerbs = {"install", "upgrade", "dist-upgrade"};
  return std::any_of(command.words.begin() + 1, command.words.end(),
                     [](const std::string& word) { return is_one_of(word, kVerbs); });
}

// An option that answers, or one that is not known before the shell runs.
bool answers(const std::string& word) {
  static constexpr std::array<std::string_view, 9> kLong = {
      "--yes",        "--assume-yes", "--assumeyes",     "--simulate", "--dry-run",
      "--just-print", "--print-uris", "--download-only", "--assume-no"};
  if (word.find_first_of("$`") != std::string::npos) return true;
  if (word.starts_with("--")) return is_one_of(word, kLong);
  if (!word.starts_with('-')) return false;
  if (base::to_lower(word).find("assume-yes") != std::string::npos) return true;
  return word.find_first_of("ysd") != std::string::npos || word.find("qq") != std::string::npos ||
         word.find("q=2") != std::string::npos;
}

void check_answers(LintRun& run, const Instruction& instruction, const ShellCommand& command) {
  static constexpr std::array<std::string_view, 3> kOthers = {"yum", "dnf", "microdnf"};
  const std::string_view program = base_name(command.words.front());
  if (!is_apt(command) && !is_one_of(program, kOthers)) return;
  if (!installs(command) || command.reads_pipe) return;
  if (std::any_of(command.words.begin() + 1, command.words.end(), answers)) return;
  run.report("InstallWithoutYes", run.find(instruction.span, command.words.front()),
             fmt::format("{} may ask before it installs, and nobody can answer (add -y)", program));
}

bool only_remembered(const ShellCommand& command) {
  static constexpr std::array<std::string_view, 7> kBuiltins = {"cd",    "export", "alias", "unset",
                                                                "umask", "pushd",  "popd"};
  static constexpr std::array<std::string_view, 2> kSource = {"source", "."};
  if (is_one_of(command.words.front(), kBuiltins)) return true;
  if (!is_one_of(command.words.front(), kSource) || command.words.size() < 2) return false;
  static constexpr std::array<std::string_view, 3> kScripts = {"activate", ".bashrc", ".profile"};
  return is_one_of(base_name(command.words[1]), kScripts);
}

void check_effect(LintRun& run, const Instruction& instruction, std::string_view script,
                  const std::vector<ShellCommand>& commands) {
  if (commands.empty() || script.find_first_of("`<>") != std::string_view::npos) return;
  if (script.find("$(") != std::string_view::npos) return;
  if (!std::all_of(commands.begin(), commands.end(), only_remembered)) return;
  const std::string& word = commands.front().words.front();
  const std::string_view instead = word == "cd" ? "use WORKDIR, or cd in the RUN that needs it"
                                   : word == "export"
                                       ? "use ENV, or export in the RUN that needs it"
                                       : "put it into the RUN that needs it";
  run.report("RunWithoutEffect", run.find(instruction.span, word),
             fmt::format("'{}' has no effect beyond this RUN: {}", word, instead));
}

void check_apt(LintRun& run, const Instruction& instruction, std::string_view script,
               const std::vector<ShellCommand>& commands, OwnRuleState& state) {
  if (script.find("apt.conf") != std::string_view::npos) state.configured_apt = true;
  const Run& what = std::get<Run>(instruction.what);
  const bool mounts = std::any_of(what.mounts.begin(), what.mounts.end(), [](const Word& mount) {
    return mount.text.find("/apt") != std::string::npos;
  });
  bool updates = false;
  for (const ShellCommand& command : commands) {
    if (is_apt(command) && has_word(command, "update")) updates = true;
    const bool from_lists = is_apt(command) && has_word(command, "install") && !mounts;
    if (from_lists && !updates && state.updated_packages) {
      run.report(
          "AptUpdateInOtherRun", run.find(instruction.span, command.words.front()),
          fmt::format("{0} update is in another RUN: when that is cached, this installs from "
                      "an old list",
                      base_name(command.words.front())));
    }
    if (!state.configured_apt) check_answers(run, instruction, command);
  }
  if (updates && !mounts) state.updated_packages = true;
}

// Whether the script may give the variable a value: itself, or by another script.
bool may_set(std::string_view script, const std::string& name) {
  const std::array<std::string, 7> ways = {
      name + "=", name + "+=", "for " + name + " ", "read ", "eval ", "source ", ". /"};
  return std::any_of(ways.begin(), ways.end(), [&](const std::string& way) {
    return script.find(way) != std::string_view::npos;
  });
}

void check_global_args(LintRun& run, const LintGlobals& globals, const LintScope& scope,
                       const Instruction& instruction, std::string_view script) {
  std::set<std::string> told;
  for (const VariableUse& use : variable_uses(script)) {
    const bool global = globals.args.contains(use.name) || globals.predefined.contains(use.name);
    if (!global || use.may_be_unset || scope.knows(use.name)) continue;
    if (!told.insert(use.name).second || may_set(script, use.name)) continue;
    run.report("GlobalArgNotInStage", run.find_variable(instruction.span, use.name),
               fmt::format("'${0}' is empty here: the stage has no 'ARG {0}'", use.name));
  }
}

bool may_expand(const std::vector<std::string>& exec) {
  static constexpr std::array<std::string_view, 14> kPrograms = {
      "sh",   "bash",       "ash", "dash", "zsh",  "ksh", "fish",
      "pwsh", "powershell", "cmd", "awk",  "perl", "env", "envsubst"};
  return std::any_of(exec.begin(), exec.end(), [](const std::string& word) {
    return word == "-c" || is_one_of(base_name(word), kPrograms);
  });
}

void check_exec(LintRun& run, const LintScope& scope, const Instruction& instruction,
                const CommandLine& command) {
  if (command.is_shell || may_expand(command.exec)) return;
  std::set<std::string> told;
  for (const std::string& word : command.exec) {
    for (const VariableUse& use : variable_uses(word, QuoteMeaning::kLiteral)) {
      if (!scope.knows(use.name) || !told.insert(use.name).second) continue;
      run.report(
          "VariableInExecForm", run.find_variable(instruction.span, use.name),
          fmt::format("'${}' is not replaced in the JSON form, which has no shell", use.name));
    }
  }
}

// Whether a text that is no JSON was meant as a list of strings: a bracket and a quoted word, and
// behind that a comma or the end. No test of the shell ([ "$a" = b ]) looks like that.
bool looks_like_json(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kQuotes = {
      {{"\"", "\""},
       {"'", "'"},
       {"\xe2\x80\x9c", "\xe2\x80\x9d"},
       {"\xe2\x80\x98", "\xe2\x80\x99"}}};
  text = base::trim(text);
  if (!text.starts_with('[')) return false;
  text.remove_prefix(1);
  const bool may_be_test = text != base::trim(text);  // [ "$a" ]
  text = base::trim(text);
  for (const auto& [opening, closing] : kQuotes) {
    if (!text.starts_with(opening)) continue;
    const std::size_t end = text.find(closing, opening.size());
    if (end == std::string_view::npos) return false;
    const std::string_view behind = base::trim(text.substr(end + closing.size()));
    return behind.starts_with(',') || (behind == "]" && !may_be_test);
  }
  return false;
}

void check_json(LintRun& run, const Span& span, std::string_view text, std::string_view taken_as) {
  if (!looks_like_json(text)) return;
  run.report(
      "MalformedJSONForm", span,
      fmt::format("This is no JSON list of \"strings\", so that it is taken as {}", taken_as));
}

void check_command(LintRun& run, const LintScope& scope, const Instruction& instruction,
                   const CommandLine& command) {
  check_exec(run, scope, instruction, command);
  if (command.is_shell) check_json(run, command.span, command.shell_text, "a shell command");
}

}  // namespace

void lint_own(LintRun& run, const LintGlobals& globals, const LintScope& scope,
              const Instruction& instruction, OwnRuleState& state) {
  if (run.input.rules != LintInput::Rules::kAll) return;
  if (const auto* what = std::get_if<Run>(&instruction.what)) {
    const std::string script = script_of(what->command);
    const std::vector<ShellCommand> commands = shell_commands(script);
    if (what->command.heredocs.empty()) check_effect(run, instruction, script, commands);
    check_apt(run, instruction, script, commands, state);
    check_global_args(run, globals, scope, instruction, script);
    check_command(run, scope, instruction, what->command);
  } else if (const auto* cmd = std::get_if<Cmd>(&instruction.what)) {
    check_command(run, scope, instruction, cmd->command);
  } else if (const auto* entrypoint = std::get_if<Entrypoint>(&instruction.what)) {
    check_command(run, scope, instruction, entrypoint->command);
  } else if (const auto* volume = std::get_if<Volume>(&instruction.what)) {
    check_json(run, volume->paths.front().span, volume->paths.front().text, "a path");
  } else if (const auto* copy = std::get_if<Copy>(&instruction.what)) {
    if (copy->destination.text.find("apt.conf") != std::string::npos) state.configured_apt = true;
  }
}

}  // namespace bld::dockerfile
