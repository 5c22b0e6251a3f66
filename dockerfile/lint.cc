#include "dockerfile/lint.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "dockerfile/expand.h"
#include "dockerfile/lint_run.h"
#include "dockerfile/reachable.h"

namespace bld::dockerfile {

namespace {

using Kind = LintRule::Kind;

constexpr std::array<LintRule, 29> kRules = {{
    {"AptUpdateInOtherRun", "",
     "apt-get update belongs into the RUN that installs: its result is cached and grows old",
     Kind::kOwn},
    {"ConsistentInstructionCasing", "consistent-instruction-casing",
     "All instructions should use the same casing, either upper or lower"},
    {"CopyIgnoredFile", "copy-ignored-file",
     "The ignore file excludes the file that is to be copied"},
    {"DuplicateStageName", "duplicate-stage-name", "Stage names should be unique"},
    {"ExposeInvalidFormat", "expose-invalid-format",
     "EXPOSE should name neither an address nor a port of the host"},
    {"ExposeProtoCasing", "expose-proto-casing", "The protocol in EXPOSE should be lowercase"},
    {"FromAsCasing", "from-as-casing", "'as' should be in the case of 'from'"},
    {"FromPlatformFlagConstDisallowed", "from-platform-flag-const-disallowed",
     "The --platform of FROM should not be a constant"},
    {"GlobalArgNotInStage", "",
     "An ARG before the first FROM has no value in a stage that does not declare it", Kind::kOwn},
    {"InstallWithoutYes", "", "Nobody can answer the question of a package manager in a build",
     Kind::kOwn},
    {"InvalidBaseImagePlatform", "invalid-base-image-platform",
     "The base image should be of the platform that is built for"},
    {"InvalidDefaultArgInFrom", "invalid-default-arg-in-from",
     "FROM should be valid with the default values of its arguments"},
    {"InvalidDefinitionDescription", "invalid-definition-description",
     "The comment above a stage or argument should be '# NAME description'; an empty line below "
     "makes it an ordinary comment",
     Kind::kExperimental},
    {"JSONArgsRecommended", "json-args-recommended",
     "CMD and ENTRYPOINT as JSON let the program get the signals that it is sent"},
    {"LegacyKeyValueFormat", "legacy-key-value-format",
     "The form 'NAME value' without an equals sign should not be used"},
    {"MaintainerDeprecated", "maintainer-deprecated",
     "MAINTAINER is deprecated; a label tells who the author is"},
    {"MalformedJSONForm", "",
     "What is meant as JSON but is none is taken as a shell command or a path", Kind::kOwn},
    {"MultipleInstructionsDisallowed", "multiple-instructions-disallowed",
     "Of several CMD, ENTRYPOINT or HEALTHCHECK in a stage only the last one counts"},
    {"NoEmptyContinuation", "no-empty-continuation",
     "Empty lines in a continuation will become errors"},
    {"RedundantTargetPlatform", "redundant-target-platform",
     "--platform=$TARGETPLATFORM in FROM is what happens without it"},
    {"ReservedStageName", "reserved-stage-name", "Reserved words should not name stages"},
    {"RunWithoutEffect", "", "What a shell remembers is forgotten at the end of its RUN",
     Kind::kOwn},
    {"SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env",
     "Secrets should not be in ARG or ENV: they can be read from the image"},
    {"StageNameCasing", "stage-name-casing", "Stage names should be lowercase"},
    {"StageUsedBeforeDefined", "",
     "A stage can only be copied from below its definition; above it is taken for an image",
     Kind::kOwn},
    {"UndefinedArgInFrom", "undefined-arg-in-from", "FROM should use declared ARGs"},
    {"UndefinedVar", "undefined-var", "Variables should be defined before they are used"},
    {"VariableInExecForm", "", "No shell replaces the variables in the JSON form of a command",
     Kind::kOwn},
    {"WorkdirRelativePath", "workdir-relative-path",
     "A relative WORKDIR without an absolute one above it depends on the base image"},
}};

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The stages whose instructions are looked at.
std::vector<bool> wanted_stages(const LintRun& run, const LintGlobals& globals) {
  const std::size_t count = run.stages.all().size();
  if (!run.input.target) return std::vector<bool>(count, true);
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto* value = globals.scope.find(std::string(name));
    return value == nullptr ? std::nullopt : *value;
  };
  return reachable_stages(run.stages, run.stages.target(*run.input.target), lookup, run.escape());
}

std::shared_ptr<const LintScope> scope_below(LintRun& run, const LintGlobals& globals,
                                             const Stage& stage) {
  auto scope = std::make_shared<LintScope>();
  const From& from = stage.from();
  const auto image = globals.scope.expand(from.image.text, run.escape());
  const auto platform = from.platform ? globals.scope.expand(from.platform->text, run.escape())
                                      : std::optional<std::string>("");
  scope->set["PATH"] = std::nullopt;  // there always is one
  std::optional<BaseFacts> facts;
  if (image == "scratch" && !run.is_named_context("scratch")) {
    facts.emplace();
  } else if (image && platform && run.input.base) {
    facts = run.input.base(stage.index, *image, *platform);
  }
  if (facts) {
    scope->complete = true;
    scope->has_shell = facts->has_shell;
    for (const std::string& entry : facts->env) {
      const std::size_t equals = entry.find('=');
      if (equals != std::string::npos)
        scope->set[entry.substr(0, equals)] = entry.substr(equals + 1);
    }
    if (!facts->actual_platform.empty()) {
      run.report(
          "InvalidBaseImagePlatform", from.image.span,
          fmt::format("Base image {} has the platform \"{}\", expected \"{}\" for this build",
                      *image, facts->actual_platform, facts->expected_platform));
    }
  }
  for (const std::string& entry : run.input.env) {
    const std::size_t equals = entry.find('=');
    scope->set[entry.substr(0, equals)] =
        equals == std::string::npos ? "" : entry.substr(equals + 1);
  }
  return scope;
}

void lint_stages(LintRun& run, const LintGlobals& globals) {
  const std::vector<bool> wanted = wanted_stages(run, globals);
  std::vector<std::shared_ptr<const LintScope>> ends;
  for (const Stage& stage : run.stages.all()) {
    const bool is_wanted = wanted[static_cast<std::size_t>(stage.index)];
    const auto image = globals.scope.expand(stage.from().image.text, run.escape());
    const auto base = image ? run.stages.base_of(*image, stage.index) : std::nullopt;
    std::shared_ptr<const LintScope> below;
    if (base && !run.is_named_context(*image)) {
      below = ends[static_cast<std::size_t>(*base)];
    } else if (is_wanted) {
      below = scope_below(run, globals, stage);
    } else {
      below = std::make_shared<LintScope>();
    }
    ends.push_back(lint_stage(run, globals, stage, below, is_wanted));
  }
}

}  // namespace

std::string LintRule::url() const {
  if (page.empty()) return {};
  return fmt::format("https://docs.docker.com/reference/build/checks/{}/", page);
}

std::span<const LintRule> lint_rules() { return kRules; }

const LintRule* find_lint_rule(std::string_view name) {
  for (const LintRule& rule : kRules) {
    if (base::to_lower(rule.name) == base::to_lower(name)) return &rule;
  }
  return nullptr;
}

bool LintRun::wanted(const LintRule& rule) const {
  const CheckOptions& options = input.options;
  if (options.skip_all || contains(options.skip, rule.name)) return false;
  if (rule.kind == Kind::kOwn) return input.rules == LintInput::Rules::kAll;
  return rule.kind != Kind::kExperimental || options.experimental_all ||
         contains(options.experimental, rule.name);
}

void LintRun::report(std::string_view rule, const Span& span, std::string detail) {
  const auto found = std::find_if(kRules.begin(), kRules.end(),
                                  [&](const LintRule& known) { return known.name == rule; });
  BLD_CHECK(found != kRules.end());
  if (wanted(*found)) findings_.push_back({&*found, std::move(detail), span});
}

Span LintRun::find(const Span& within, std::string_view text) const {
  for (int line = within.line; line <= std::max(within.line, within.last_line); ++line) {
    if (line < 1 || line > input.source.line_count()) break;
    const std::string_view content = input.source.line(line);
    const std::size_t from =
        line == within.line && within.column > 0 ? static_cast<std::size_t>(within.column) - 1 : 0;
    const std::size_t at =
        from < content.size() ? content.find(text, from) : std::string_view::npos;
    if (at == std::string_view::npos) continue;
    return {line, static_cast<int>(at) + 1, static_cast<int>(text.size()), line};
  }
  return within;
}

Span LintRun::find_variable(const Span& within, std::string_view name) const {
  for (const std::string_view open : {"$", "${"}) {
    const std::string needle = std::string(open) + std::string(name);
    Span rest = within;
    for (;;) {
      const Span found = find(rest, needle);
      if (found == rest) break;
      const std::string_view line = input.source.line(found.line);
      const auto end = static_cast<std::size_t>(found.column - 1 + found.length);
      if (end >= line.size() || !is_name_character(line[end])) return found;
      rest = {found.line, found.column + 1, 0, std::max(within.line, within.last_line)};
    }
  }
  return within;
}

std::vector<Finding> LintRun::finish() && {
  std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
    return std::pair(a.span.line, a.span.column) < std::pair(b.span.line, b.span.column);
  });
  return std::move(findings_);
}

std::vector<Finding> lint(const LintInput& input) {
  LintRun run(input);
  if (input.options.skip_all) return {};
  for (const Span& span : input.file.empty_continuations) {
    run.report("NoEmptyContinuation", span, "Empty continuation line");
  }
  const LintGlobals globals = lint_globals(run);
  lint_casing(run);
  lint_from_lines(run, globals);
  lint_stages(run, globals);
  return std::move(run).finish();
}

CheckOptions check_options_of(const SourceText& source, const Containerfile& file) {
  try {
    return parse_check_options(file.directives.check);
  } catch (base::Error& error) {
    error.at(source.position(file.directives.check_span));
    throw;
  }
}

base::Warning warning_of(const SourceText& source, const Finding& finding) {
  return {.text = finding.detail,
          .position = source.position(finding.span),
          .rule = std::string(finding.rule->name),
          .url = finding.rule->url()};
}

}  // namespace bld::dockerfile
