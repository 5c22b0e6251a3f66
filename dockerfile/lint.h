// Rules over a Containerfile that is correct, but maybe not what was meant.
//
// Rules with the names of BuildKit's build checks say what those say, where those say it; the
// others are bld's own. Pure: what only the caller can know (bases, the ignore file) he brings.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/events.h"
#include "dockerfile/check_options.h"
#include "dockerfile/ignore_file.h"
#include "dockerfile/instruction.h"
#include "dockerfile/source_text.h"

namespace bld::dockerfile {

struct LintRule {
  enum class Kind {
    kBuildkit,
    kExperimental,  // of BuildKit, and off unless it is asked for
    kOwn,
  };

  std::string_view name;
  std::string_view page;  // of its documentation; empty for bld's own
  std::string_view description;
  Kind kind = Kind::kBuildkit;

  std::string url() const;  // empty for bld's own
};

// Sorted by name.
std::span<const LintRule> lint_rules();
const LintRule* find_lint_rule(std::string_view name);  // in any case; null if there is none

// What is known of the image below a stage.
struct BaseFacts {
  std::vector<std::string> env = {};  // "NAME=value"
  bool has_shell = false;             // its config says what runs the shell form
  // Set if the image is of another platform than the stage.
  std::string expected_platform = {}, actual_platform = {};
};

struct LintInput {
  const SourceText& source;
  const Containerfile& file;
  CheckOptions options = {};

  enum class Rules { kAll, kBuildkit };
  Rules rules = Rules::kAll;

  // The stages whose instructions are looked at: what this one needs, or all.
  std::optional<std::string> target = {};
  std::map<std::string, std::string> build_args = {};
  std::map<std::string, std::string> predefined = {};  // TARGETPLATFORM and its like
  std::vector<std::string> env = {};                   // NAME=value that --env adds to every stage
  std::set<std::string> named_contexts = {};           // as context_name() gives them
  // The base of a stage by the name and platform that FROM gives, expanded (the platform may be
  // empty). Nothing if it is not known: rules that depend on it say nothing then.
  std::function<std::optional<BaseFacts>(int stage, const std::string& image,
                                         const std::string& platform)>
      base = {};
  const IgnoreFile* ignore = nullptr;
};

struct Finding {
  const LintRule* rule = nullptr;  // of lint_rules()
  std::string detail;
  Span span;
};

// In the order of the file. Does nothing but throw for what the parser would refuse, too.
std::vector<Finding> lint(const LintInput& input);

// What the file's directive says. Throws, with the place, if it is malformed.
CheckOptions check_options_of(const SourceText& source, const Containerfile& file);

base::Warning warning_of(const SourceText& source, const Finding& finding);

}  // namespace bld::dockerfile
