#include "dockerfile/ignore_file.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace bld::dockerfile {

namespace {

// Calls `visit` with the folders above a path, outermost first, and the path itself; stops when it
// returns true, and tells whether it did.
template <typename Visit>
bool any_prefix(std::string_view path, const Visit& visit) {
  for (std::size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
    if (visit(path.substr(0, at))) return true;
  }
  return visit(path);
}

}  // namespace

void IgnoreFile::add(std::string_view line, int number) {
  bool exception = false;
  std::string_view text = line;
  if (text.starts_with('!')) {
    exception = true;
    text = base::trim(text.substr(1));
    if (text.empty()) throw base::Error("the exclusion pattern '!' names nothing");
  }
  std::string cleaned = clean_path(text);
  if (cleaned.size() > 1 && cleaned.front() == '/') cleaned.erase(0, 1);
  rules_.push_back({Pattern(cleaned, DoubleStar::kAnyDepth), exception, std::string(line), number});
}

IgnoreFile IgnoreFile::parse(std::string_view text, std::string_view file_name) {
  IgnoreFile result;
  result.file_name_ = file_name;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (raw.starts_with('#')) continue;
    const std::string_view line = base::trim(raw);
    if (line.empty()) continue;
    try {
      result.add(line, number);
    } catch (base::Error& error) {
      base::SourcePosition position;
      position.file = file_name;
      position.line = number;
      position.column = static_cast<int>(line.data() - raw.data()) + 1;
      position.length = static_cast<int>(line.size());
      position.source_line = raw.ends_with('\r') ? raw.substr(0, raw.size() - 1) : raw;
      error.at(position);
      throw;
    }
  }
  return result;
}

IgnoreFile IgnoreFile::from_patterns(std::span<const std::string> patterns) {
  IgnoreFile result;
  for (const std::string& pattern : patterns) {
    if (!pattern.empty()) result.add(pattern, 0);
  }
  return result;
}

const IgnoreFile::Rule* IgnoreFile::deciding(std::string_view path) const {
  if (path.empty() || path == ".") return nullptr;
  // The last rule that matches decides, so the first one found from behind does.
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    const auto matches = [&](std::string_view prefix) { return rule->pattern.matches(prefix); };
    if (any_prefix(path, matches)) return &*rule;
  }
  return nullptr;
}

bool IgnoreFile::ignored(std::string_view path) const {
  const Rule* rule = deciding(path);
  return rule != nullptr && !rule->exception;
}

std::string IgnoreFile::reason(std::string_view path) const {
  const Rule* rule = deciding(path);
  if (rule == nullptr || rule->exception || rule->line == 0) return {};
  return fmt::format("line {} of {}: {}", rule->line, file_name_, rule->text);
}

bool IgnoreFile::may_have_exceptions_below(std::string_view folder) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return rule.exception && rule.pattern.may_match_below(folder);
  });
}

bool IgnoreFile::has_exceptions() const {
  return std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) { return rule.exception; });
}

std::vector<std::string> ignore_file_names_of(std::string_view containerfile_name) {
  return {std::string(containerfile_name) + ".containerignore",
          std::string(containerfile_name) + ".dockerignore"};
}

}  // namespace bld::dockerfile
