// Variables as lint knows them: some are known by name only.
#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "dockerfile/expand.h"
#include "dockerfile/lint_run.h"

namespace bld::dockerfile {

namespace {

constexpr std::array<std::string_view, 9> kPredefined = {
    "TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
    "BUILDPLATFORM",  "BUILDOS",  "BUILDARCH",  "BUILDVARIANT"};

constexpr std::size_t kMostCandidates = 500;
constexpr int kDeepest = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

const std::optional<std::string>* LintScope::find(const std::string& name) const {
  for (const LintScope* scope = this; scope != nullptr; scope = scope->below.get()) {
    const auto found = scope->set.find(name);
    if (found != scope->set.end()) return &found->second;
  }
  return nullptr;
}

bool LintScope::knows(const std::string& name) const {
  for (const LintScope* scope = this; scope != nullptr; scope = scope->below.get()) {
    if (scope->set.contains(name) || scope->declared.contains(name)) return true;
  }
  return false;
}

bool LintScope::has_many_names() const {
  return names_below + set.size() + declared.size() > kMostCandidates;
}

std::shared_ptr<LintScope> LintScope::on_top_of(const std::shared_ptr<const LintScope>& below) {
  auto scope = std::make_shared<LintScope>();
  scope->complete = below->complete;
  scope->has_shell = below->has_shell;
  scope->workdir_is_set = below->workdir_is_set;
  if (below->depth < kDeepest) {
    scope->below = below;
    scope->depth = below->depth + 1;
    scope->names_below = below->names_below + below->set.size() + below->declared.size();
    return scope;
  }
  for (const LintScope* part = below.get(); part != nullptr; part = part->below.get()) {
    scope->set.insert(part->set.begin(), part->set.end());
    scope->declared.insert(part->declared.begin(), part->declared.end());
  }
  return scope;
}

std::set<std::string> LintScope::names() const {
  std::set<std::string> names;
  for (const LintScope* scope = this; scope != nullptr; scope = scope->below.get()) {
    for (const auto& [name, value] : scope->set) names.insert(name);
    names.insert(scope->declared.begin(), scope->declared.end());
  }
  return names;
}

std::optional<std::string> LintScope::expand(std::string_view word, char escape) const {
  bool certain = true;
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto* value = find(std::string(name));
    if (value != nullptr ? !*value : !complete) certain = false;
    return value != nullptr ? *value : std::nullopt;
  };
  try {
    std::string result = expand_word(word, lookup, escape);
    if (certain) return result;
  } catch (const base::Error&) {
  }
  return std::nullopt;
}

LintGlobals lint_globals(const LintRun& run) {
  LintGlobals globals;
  globals.scope.complete = true;
  for (const std::string_view name : kPredefined) {
    const auto given = run.input.predefined.find(std::string(name));
    globals.predefined.emplace(name);
    // Without values the platform is not known at all; with some a missing one is unset.
    if (given != run.input.predefined.end()) {
      globals.scope.set[std::string(name)] = given->second;
    } else if (run.input.predefined.empty()) {
      globals.scope.set[std::string(name)] = std::nullopt;
    } else {
      globals.scope.declared.emplace(name);
    }
  }
  for (const Instruction& instruction : run.stages.global_args()) {
    for (const ArgDefinition& arg : std::get<Arg>(instruction.what).args) {
      const auto name = globals.scope.expand(arg.name.text, run.escape());
      if (!name) continue;
      globals.args.insert(*name);
      const auto given = run.input.build_args.find(*name);
      if (given != run.input.build_args.end()) {
        globals.scope.set[*name] = given->second;
      } else if (arg.value) {
        globals.scope.set[*name] = globals.scope.expand(arg.value->text, run.escape());
      } else {
        globals.scope.declared.insert(*name);
      }
    }
  }
  return globals;
}

bool one_slip_apart(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (a.size() < 4 || b.size() - a.size() > 1 || a == b) return false;
  std::size_t front = 0;
  while (front < a.size() && a[front] == b[front]) ++front;
  const std::string_view rest_a = a.substr(front);
  const std::string_view rest_b = b.substr(front);
  if (a.size() < b.size()) return !is_digit(rest_b[0]) && rest_a == rest_b.substr(1);
  const bool swapped = rest_a.size() > 1 && rest_a[0] == rest_b[1] && rest_a[1] == rest_b[0] &&
                       rest_a.substr(2) == rest_b.substr(2);
  if (swapped) return true;
  return !is_digit(rest_a[0]) && !is_digit(rest_b[0]) && rest_a.substr(1) == rest_b.substr(1);
}

std::string suggestion(std::string_view name, const std::set<std::string>& known,
                       std::string_view prefix) {
  // Of short names each is near to each.
  if (known.size() > kMostCandidates || name.size() < 3) return {};
  std::vector<std::string_view> candidates;
  for (const std::string& candidate : known) {
    if (one_slip_apart(name, candidate)) {
      return fmt::format(" (did you mean {}{}?)", prefix, candidate);
    }
    candidates.push_back(candidate);
  }
  const auto meant = base::nearest(name, candidates);
  return meant ? fmt::format(" (did you mean {}{}?)", prefix, *meant) : "";
}

}  // namespace bld::dockerfile
