// SARIF: the Static Analysis Results Interchange Format, version 2.1.0.
#include <algorithm>

#include "base/text.h"
#include "builder/version.h"
#include "cmd/lint_report.h"

namespace bld::cmd {

namespace {

using base::Json;

constexpr const char* kParseError = "ParseError";

Json text_json(std::string_view text) {
  Json json = Json::object();
  json.add("text", base::printable(text));
  return json;
}

Json rule_json(std::string_view name, std::string_view description, const std::string& url) {
  Json json = Json::object();
  json.add("id", name);
  json.add("shortDescription", text_json(description));
  if (!url.empty()) json.add("helpUri", url);
  json.add("help", text_json(url.empty() ? std::string(description)
                                         : std::string(description) + ". See " + url));
  return json;
}

// Characters of the first bytes of a line, from 1.
int character_column(const std::string& line, int column) {
  const auto bytes =
      static_cast<std::size_t>(std::clamp<long>(column - 1, 0, static_cast<long>(line.size())));
  return 1 + static_cast<int>(std::count_if(
                 line.begin(), line.begin() + static_cast<std::ptrdiff_t>(bytes),
                 [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string uri_of(std::string_view path) {
  if (path == "-") return "stdin";
  if (path.starts_with("./")) path.remove_prefix(2);
  std::string uri;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return path.starts_with('/') ? "file://" + uri : uri;
}

Json location_of(const base::SourcePosition& at) {
  Json region = Json::object();
  region.add("startLine", std::max(at.line, 1));
  if (at.column > 0) {
    const int begin = character_column(at.source_line, at.column);
    const int end = character_column(at.source_line, at.column + std::max(at.length, 1));
    region.add("startColumn", begin);
    region.add("endColumn", std::max(end, begin));
  }
  Json artifact = Json::object();
  artifact.add("uri", uri_of(at.file));
  Json physical = Json::object();
  physical.add("artifactLocation", std::move(artifact));
  physical.add("region", std::move(region));
  Json location = Json::object();
  location.add("physicalLocation", std::move(physical));
  return location;
}

Json result_json(std::string_view rule, const char* level, std::string_view message,
                 const std::optional<base::SourcePosition>& position) {
  Json json = Json::object();
  json.add("ruleId", rule);
  json.add("level", level);
  json.add("message", text_json(message));
  Json locations = Json::array();
  if (position) locations.push(location_of(*position));
  json.add("locations", std::move(locations));
  return json;
}

void add_errors(Json& results, const base::Error& error) {
  results.push(result_json(kParseError, "error", error.what(), error.position()));
  for (const base::Error& more : error.more()) add_errors(results, more);
}

Json driver_json() {
  Json rules = Json::array();
  rules.push(rule_json(kParseError, "The Containerfile is not correct", ""));
  for (const dockerfile::LintRule& rule : dockerfile::lint_rules()) {
    rules.push(rule_json(rule.name, rule.description, rule.url()));
  }
  Json driver = Json::object();
  driver.add("name", "bld");
  driver.add("version", builder::kVersion);
  driver.add("rules", std::move(rules));
  return driver;
}

}  // namespace

std::string lint_sarif(const std::vector<LintedFile>& files) {
  Json results = Json::array();
  for (const LintedFile& file : files) {
    for (const dockerfile::Finding& finding : file.findings) {
      results.push(result_json(finding.rule->name, "warning", finding.detail,
                               file.source.position(finding.span)));
    }
    if (file.error) add_errors(results, *file.error);
  }
  Json tool = Json::object();
  tool.add("driver", driver_json());
  Json run = Json::object();
  run.add("tool", std::move(tool));
  run.add("columnKind", "unicodeCodePoints");
  run.add("results", std::move(results));
  Json runs = Json::array();
  runs.push(std::move(run));
  Json json = Json::object();
  json.add("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
  json.add("version", "2.1.0");
  json.add("runs", std::move(runs));
  return json.str(2) + "\n";
}

}  // namespace bld::cmd
