// Rules over FROM lines, stage names and the casing of instructions.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "dockerfile/lint_run.h"
#include "dockerfile/variable_uses.h"

namespace bld::dockerfile {

namespace {

bool is_lower(std::string_view text) { return base::to_lower(text) == text; }

bool is_upper(std::string_view text) { return base::to_upper(text) == text; }

void check_as(LintRun& run, const Stage& stage) {
  const From& from = stage.from();
  const std::string& keyword = stage.from_instruction->name_as_written;
  if (from.as_word.empty()) return;
  // A FROM that is neither is told by another rule.
  const bool fits = is_lower(keyword)   ? is_lower(from.as_word)
                    : is_upper(keyword) ? is_upper(from.as_word)
                                        : true;
  if (fits) return;
  run.report("FromAsCasing", from.as_span,
             fmt::format("'{}' and '{}' keywords' casing do not match", from.as_word, keyword));
}

void check_name(LintRun& run, const Stage& stage, std::set<std::string>& seen) {
  const From& from = stage.from();
  if (from.name.empty()) return;
  if (!is_lower(from.name_as_written)) {
    run.report("StageNameCasing", from.name_span,
               fmt::format("Stage name '{}' should be lowercase", from.name_as_written));
  }
  if (from.name == "scratch" || from.name == "context") {
    run.report(
        "ReservedStageName", from.name_span,
        fmt::format("Stage name should not use the same name as reserved stage \"{}\"", from.name));
  }
  if (!seen.insert(from.name).second) {
    run.report("DuplicateStageName", from.name_span,
               fmt::format("Duplicate stage name \"{}\", stage names should be unique", from.name));
  }
}

void check_args(LintRun& run, const LintGlobals& globals, const Word& word) {
  std::set<std::string> told;
  for (const VariableUse& use : variable_uses(word.text, QuoteMeaning::kGroup, run.escape())) {
    if (globals.scope.knows(use.name) || !told.insert(use.name).second) continue;
    run.report("UndefinedArgInFrom", run.find_variable(word.span, use.name),
               fmt::format("FROM argument '{}' is not declared{}", use.name,
                           run.may_suggest() ? suggestion(use.name, globals.scope.names()) : ""));
  }
}

// What is left of an image name when a variable in it is empty.
bool may_be_image(std::string_view name) {
  if (name.empty() || name.find_first_of(" \t") != std::string_view::npos) return false;
  constexpr std::string_view kNotFirst = ":/@.-_";
  constexpr std::string_view kNotLast = ":/@.-";
  if (kNotFirst.find(name.front()) != std::string_view::npos) return false;
  if (kNotLast.find(name.back()) != std::string_view::npos) return false;
  constexpr std::array<std::string_view, 5> kNotWithin = {"::", ":@", "/:", "/@", "@:"};
  const bool broken = std::any_of(kNotWithin.begin(), kNotWithin.end(), [&](std::string_view part) {
    return name.find(part) != std::string_view::npos;
  });
  const std::size_t double_slash = name.find("//");
  const bool has_transport =
      double_slash != std::string_view::npos && double_slash > 0 && name[double_slash - 1] == ':';
  return !broken && (double_slash == std::string_view::npos || has_transport);
}

void check_default(LintRun& run, const LintGlobals& defaults, const From& from) {
  if (variable_uses(from.image.text, QuoteMeaning::kGroup, run.escape()).empty()) return;
  const auto image = defaults.scope.expand(from.image.text, run.escape());
  if (!image || may_be_image(*image)) return;
  run.report("InvalidDefaultArgInFrom", from.image.span,
             fmt::format("Default value for ARG {} results in empty or invalid base image name",
                         from.image.text));
}

// Other names of architectures, which a stage may be called by as well.
std::string_view other_name(std::string_view architecture) {
  if (architecture == "x86_64") return "amd64";
  if (architecture == "aarch64") return "arm64";
  return architecture;
}

bool is_named_after(std::string_view stage, std::string_view platform) {
  for (const std::string& part : base::split(platform, '/')) {
    if (part.empty()) continue;
    if (stage.find(part) != std::string_view::npos) return true;
    if (stage.find(other_name(part)) != std::string_view::npos) return true;
  }
  return platform.find('/') == std::string_view::npos &&
         stage.find("linux") != std::string_view::npos;
}

void check_platform(LintRun& run, const From& from) {
  const Word& word = *from.platform;
  const auto uses = variable_uses(word.text, QuoteMeaning::kGroup, run.escape());
  if (uses.empty()) {
    if (is_named_after(from.name, word.text)) return;
    run.report("FromPlatformFlagConstDisallowed", word.span,
               fmt::format("FROM --platform flag should not use constant value \"{}\"", word.text));
    return;
  }
  if (word.text != "$TARGETPLATFORM" && word.text != "${TARGETPLATFORM}") return;
  run.report("RedundantTargetPlatform", run.find(word.span, word.text),
             fmt::format("Setting platform to predefined {} in FROM is redundant as this is the "
                         "default behavior",
                         word.text));
}

void check_description(LintRun& run, const Instruction& instruction, std::string_view what,
                       const std::vector<std::string>& names) {
  if (instruction.comments.empty() || names.empty()) return;
  const std::string& comment = instruction.comments.back();
  const std::string first = comment.substr(0, comment.find(' '));
  if (std::find(names.begin(), names.end(), first) != names.end()) return;
  const int line = instruction.span.line - 1;
  run.report("InvalidDefinitionDescription", run.find({line, 1, 0, line}, "#"),
             fmt::format("Comment for {} should follow the format: `# {} <description>`", what,
                         names.size() == 1 ? names.front() : "<arg_key>"));
}

}  // namespace

void lint_casing(LintRun& run) {
  int lower = 0;
  int upper = 0;
  const auto count = [&](const Instruction& instruction) {
    if (is_lower(instruction.name_as_written)) {
      ++lower;
    } else if (is_upper(instruction.name_as_written)) {
      ++upper;
    }
  };
  const auto check = [&](const Instruction& instruction) {
    const std::string& name = instruction.name_as_written;
    if (lower > upper ? is_lower(name) : is_upper(name)) return;
    run.report("ConsistentInstructionCasing", instruction.name_span,
               fmt::format("Command '{}' should match the case of the command majority ({})", name,
                           lower > upper ? "lowercase" : "uppercase"));
  };
  for (const Instruction& instruction : run.input.file.instructions) count(instruction);
  for (const Instruction& instruction : run.input.file.instructions) check(instruction);
}

void lint_from_lines(LintRun& run, const LintGlobals& globals) {
  LintInput without = run.input;
  without.build_args.clear();
  const LintGlobals defaults = lint_globals(LintRun(without));
  std::set<std::string> seen;
  for (const Stage& stage : run.stages.all()) {
    const From& from = stage.from();
    check_as(run, stage);
    check_name(run, stage, seen);
    check_args(run, globals, from.image);
    check_default(run, defaults, from);
    if (from.platform) {
      check_args(run, globals, *from.platform);
      check_platform(run, from);
    }
    if (!from.name.empty()) {
      check_description(run, *stage.from_instruction, "FROM", {from.name_as_written});
    }
  }
  for (const Instruction& instruction : run.input.file.instructions) {
    const auto* arg = std::get_if<Arg>(&instruction.what);
    if (arg == nullptr) continue;
    std::vector<std::string> names;
    for (const ArgDefinition& definition : arg->args) names.push_back(definition.name.text);
    check_description(run, instruction, "ARG", names);
  }
}

}  // namespace bld::dockerfile
