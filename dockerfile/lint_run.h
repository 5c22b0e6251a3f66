// What the groups of lint rules share. Internal to lint.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/lint.h"
#include "dockerfile/stages.h"

namespace bld::dockerfile {

class LintRun {
 public:
  explicit LintRun(const LintInput& what) : input(what), stages(what.file) {}

  // `rule` is one of lint_rules(). Nothing happens if it is not asked for.
  void report(std::string_view rule, const Span& span, std::string detail);

  // The first `text` from the beginning of `within` to its last line; `within` if there is none.
  Span find(const Span& within, std::string_view text) const;
  // The same for a use of the variable.
  Span find_variable(const Span& within, std::string_view name) const;

  std::vector<Finding> finish() &&;

  bool is_named_context(std::string_view name) const {
    return input.named_contexts.contains(context_name(name));
  }

  char escape() const { return input.file.directives.escape; }

  // False when so many similar names were looked for that it is enough.
  bool may_suggest() { return suggestions_left_ > 0 && suggestions_left_-- > 0; }

  const LintInput& input;
  const Stages stages;

 private:
  bool wanted(const LintRule& rule) const;

  std::vector<Finding> findings_;
  int suggestions_left_ = 500;
};

// The variables in force at one place of a stage, on top of those of the stage below.
struct LintScope {
  // Empty, and as much as `below` says. Long chains are made shorter, so that looking up is quick.
  static std::shared_ptr<LintScope> on_top_of(const std::shared_ptr<const LintScope>& below);

  std::shared_ptr<const LintScope> below;
  std::map<std::string, std::optional<std::string>> set;  // nothing: the value is not known
  std::set<std::string> declared;                         // ARG without value
  bool complete = false;        // all variables of the image below are known
  std::size_t names_below = 0;  // how many, at most
  int depth = 0;
  bool has_shell = false;
  bool workdir_is_set = false;

  // Whether something in the file, or the image below, makes the variable known.
  bool knows(const std::string& name) const;
  const std::optional<std::string>* find(const std::string& name) const;
  std::set<std::string> names() const;
  // Whether there are so many names that looking for a similar one takes long.
  bool has_many_names() const;

  // The word's value, if all that it depends on is known.
  std::optional<std::string> expand(std::string_view word, char escape) const;
};

// The variables of FROM lines.
struct LintGlobals {
  LintScope scope;
  std::set<std::string> predefined;  // names of TARGETPLATFORM and its like
  std::set<std::string> args;        // the ARGs before the first FROM
};

LintGlobals lint_globals(const LintRun& run);

// Whether one letter too much, too few, changed or swapped makes one of the other. Digits do not
// count: names that differ in a number are different on purpose.
bool one_slip_apart(std::string_view a, std::string_view b);
// " (did you mean NAME?)", or nothing. `prefix` goes before the name.
std::string suggestion(std::string_view name, const std::set<std::string>& known,
                       std::string_view prefix = "");

void lint_casing(LintRun& run);
void lint_from_lines(LintRun& run, const LintGlobals& globals);
// One stage: all that needs the variables in force. `scope` is that of the stage below, or of the
// image; returns that at its end.
std::shared_ptr<const LintScope> lint_stage(LintRun& run, const LintGlobals& globals,
                                            const Stage& stage,
                                            const std::shared_ptr<const LintScope>& below,
                                            bool instructions_wanted);

// bld's own rules, for one instruction, with the variables that are in force there.
struct OwnRuleState {
  bool updated_packages = false;  // an earlier RUN of the stage did apt-get update
  bool configured_apt = false;    // something wrote to its configuration
};

void lint_own(LintRun& run, const LintGlobals& globals, const LintScope& scope,
              const Instruction& instruction, OwnRuleState& state);
void lint_sources(LintRun& run, const Stage& stage, const Instruction& instruction);

}  // namespace bld::dockerfile
