// What lint found, as text for people and as JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "dockerfile/lint.h"
#include "dockerfile/source_text.h"

namespace bld::cmd {

// One Containerfile, and what is wrong with it: findings, or the errors that come before them.
struct LintedFile {
  dockerfile::SourceText source;
  std::vector<dockerfile::Finding> findings;
  std::optional<base::Error> error = {};
};

std::size_t count_findings(const std::vector<LintedFile>& files);
bool has_errors(const std::vector<LintedFile>& files);

// Each finding as a compiler shows it, and the address of what the rule is about; then how many
// there are. Errors are no part of it: those go to standard error.
std::string lint_text(const std::vector<LintedFile>& files);

// The document of `docker build --call=check,format=json`.
std::string lint_json(const std::vector<LintedFile>& files);

// SARIF 2.1.0, as code scanning reads it. Columns count characters.
std::string lint_sarif(const std::vector<LintedFile>& files);

// {"ranges": [{"start": {"line", "character"}, "end": …}]}; characters count bytes from 0.
base::Json location_json(const dockerfile::SourceText& source, const dockerfile::Span& span);

}  // namespace bld::cmd
