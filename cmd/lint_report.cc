#include "cmd/lint_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cmd/render_error.h"
#include "registry/credentials.h"

namespace bld::cmd {

namespace {

using base::Json;

Json position_json(int line, int character) {
  Json json = Json::object();
  json.add("line", line);
  json.add("character", character);
  return json;
}

Json range_json(int line, int column, int end_line, int end_column) {
  Json range = Json::object();
  range.add("start", position_json(line, std::max(column, 1) - 1));
  range.add("end", position_json(end_line, std::max(end_column, 1) - 1));
  return range;
}

Json ranges_json(Json range) {
  Json ranges = Json::array();
  ranges.push(std::move(range));
  Json json = Json::object();
  json.add("ranges", std::move(ranges));
  return json;
}

Json warning_json(const LintedFile& file, std::size_t index, const dockerfile::Finding& finding) {
  Json json = Json::object();
  json.add("ruleName", finding.rule->name);
  json.add("description", finding.rule->description);
  if (const std::string url = finding.rule->url(); !url.empty()) json.add("url", url);
  json.add("detail", base::printable(finding.detail));
  Json location = location_json(file.source, finding.span);
  if (index > 0) location.add("sourceIndex", static_cast<std::int64_t>(index));
  json.add("location", std::move(location));
  return json;
}

Json error_json(const base::Error& error) {
  Json json = Json::object();
  json.add("message", base::printable(error.what()));
  if (const auto& at = error.position()) {
    json.add("location", ranges_json(range_json(at->line, at->column, at->line,
                                                at->column + std::max(at->length, 1))));
  }
  return json;
}

std::string finding_text(const LintedFile& file, const dockerfile::Finding& finding) {
  base::Warning warning;
  warning.text = fmt::format("{}: {}", finding.rule->name, finding.detail);
  warning.position = file.source.position(finding.span);
  std::string text = render_warning(warning);
  const std::string url = finding.rule->url();
  return text + (url.empty() ? "" : "  " + url + "\n") + "\n";
}

}  // namespace

std::size_t count_findings(const std::vector<LintedFile>& files) {
  std::size_t count = 0;
  for (const LintedFile& file : files) count += file.findings.size();
  return count;
}

bool has_errors(const std::vector<LintedFile>& files) {
  return std::any_of(files.begin(), files.end(),
                     [](const LintedFile& file) { return file.error.has_value(); });
}

Json location_json(const dockerfile::SourceText& source, const dockerfile::Span& span) {
  const base::SourcePosition at = source.position(span);
  return ranges_json(range_json(at.line, at.column,
                                at.line + std::max(0, span.last_line - span.line),
                                at.column + at.length));
}

std::string lint_text(const std::vector<LintedFile>& files) {
  std::string text;
  for (const LintedFile& file : files) {
    for (const dockerfile::Finding& finding : file.findings) text += finding_text(file, finding);
  }
  const std::size_t count = count_findings(files);
  if (count == 0) return has_errors(files) ? "" : "No findings.\n";
  return text + fmt::format("{} finding{}.\n", count, count == 1 ? "" : "s");
}

std::string lint_json(const std::vector<LintedFile>& files) {
  Json warnings = Json::array();
  Json sources = Json::array();
  Json errors = Json::array();
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const dockerfile::Finding& finding : files[i].findings) {
      warnings.push(warning_json(files[i], i, finding));
    }
    Json source = Json::object();
    source.add("filename", base::printable(files[i].source.file_name()));
    source.add("language", "Dockerfile");
    source.add("data", registry::encode_base64(files[i].source.text()));
    sources.push(std::move(source));
    if (!files[i].error) continue;
    errors.push(error_json(*files[i].error));
    for (const base::Error& more : files[i].error->more()) errors.push(error_json(more));
  }
  Json json = Json::object();
  json.add("warnings", std::move(warnings));
  json.add("sources", std::move(sources));
  if (!errors.as_array().empty()) {
    json.add("buildError", errors.as_array().front());
    json.add("errors", std::move(errors));
  }
  return json.str(2) + "\n";
}

}  // namespace bld::cmd
