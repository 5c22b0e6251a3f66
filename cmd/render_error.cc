#include "cmd/render_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "builder/url_text.h"
#include "cmd/columns.h"
#include "cmd/options.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

constexpr std::size_t kMessageLimitBytes = 1900;
constexpr std::size_t kSourceLimitBytes = 160;  // of one source line
constexpr std::size_t kErrorsShown = 10;
constexpr std::size_t kTabStop = 4;

constexpr const char* kRed = "1;31";
constexpr const char* kYellow = "1;33";
constexpr const char* kCyan = "1;36";
constexpr const char* kBold = "1";
constexpr const char* kDim = "2";

// Cuts at the limit, not within a character.
std::string shortened(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

std::string place(const base::SourcePosition& position) {
  std::string text = base::printable(position.file);
  if (position.line > 0) text += fmt::format(":{}", position.line);
  if (position.line > 0 && position.column > 0) text += fmt::format(":{}", position.column);
  return text;
}

// Appends as it is shown: a tab goes to the next stop of the line that `shown` is the front of.
void append_source(std::string& shown, std::string_view source) {
  for (;;) {
    const std::size_t tab = source.find('\t');
    shown += base::printable(source.substr(0, tab));
    if (tab == std::string_view::npos) return;
    shown.append(kTabStop - columns_of(shown) % kTabStop, ' ');
    source.remove_prefix(tab + 1);
  }
}

std::string as_shown(std::string_view source) {
  // No character takes more than four bytes, and the rest is cut off again.
  std::string shown;
  append_source(shown, source.substr(0, 4 * kSourceLimitBytes));
  return shortened(std::move(shown), kSourceLimitBytes);
}

bool is_empty(std::string_view line) { return base::trim(line).empty(); }

class Painter {
 public:
  explicit Painter(const ErrorStyle& style) : style_(style) {}

  std::string error(const base::Error& error) const {
    std::vector<std::string> hints;
    if (!error.hint().empty()) hints.push_back(error.hint());
    return header("Error: ", kRed, error.what(), error.position()) + excerpt(error.position()) +
           below("note:", error.notes()) + below("hint:", hints);
  }

  std::string warning(const std::string& text,
                      const std::optional<base::SourcePosition>& position) const {
    return header("[Warning] ", kYellow, text, position) + excerpt(position);
  }

 private:
  std::string painted(const char* code, const std::string& text) const {
    return style_.color && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }

  std::string header(const char* kind, const char* color, std::string_view what,
                     const std::optional<base::SourcePosition>& position) const {
    std::string line = base::printable(base::trim(what));
    const std::string where = position ? place(*position) : std::string();
    if (position && line.starts_with(where)) return header(kind, color, line, std::nullopt);
    line = shortened(position ? ": " + line : line,
                     kMessageLimitBytes - std::min<std::size_t>(where.size(), 1000));
    return painted(color, kind) + painted(kBold, shortened(where, 1000)) + line + "\n";
  }

  std::string below(const char* kind, const std::vector<std::string>& lines) const {
    std::string text;
    for (const std::string& line : lines) {
      text += painted(kCyan, kind) + " " + shortened(base::printable(line), kMessageLimitBytes);
      text += "\n";
    }
    return text;
  }

  // One line of the file behind its number; 0 is for a line of our own.
  std::string numbered(int number, std::size_t width, const std::string& text) const {
    const std::string gutter =
        fmt::format("{:>{}} |", number > 0 ? fmt::to_string(number) : "", width);
    return painted(kDim, gutter) + (text.empty() ? "" : " " + text) + "\n";
  }

  std::string excerpt(const std::optional<base::SourcePosition>& position) const;
  std::string marked_line(const base::SourcePosition& at, std::size_t width) const;

  const ErrorStyle& style_;
};

// Passwords in a Containerfile's URLs are not for logs.
base::SourcePosition with_masked_lines(base::SourcePosition position) {
  position.source_line = builder::with_masked_passwords(position.source_line);
  for (auto* lines : {&position.lines_before, &position.lines_after}) {
    for (std::string& line : *lines) line = builder::with_masked_passwords(line);
  }
  return position;
}

std::string Painter::excerpt(const std::optional<base::SourcePosition>& position) const {
  if (!position || position->source_line.empty() || position->line <= 0) return {};
  const base::SourcePosition at = with_masked_lines(*position);
  const auto& before = at.lines_before;
  const auto& after = at.lines_after;
  // Empty lines at the rim say nothing.
  const auto first = std::find_if_not(before.begin(), before.end(), is_empty);
  const auto last = std::find_if_not(after.rbegin(), after.rend(), is_empty).base();
  const int last_number = at.line + static_cast<int>(last - after.begin());
  const std::size_t width = std::max<std::size_t>(5, fmt::to_string(last_number).size());
  std::string text;
  int number = at.line - static_cast<int>(before.end() - first);
  for (auto line = first; line != before.end(); ++line) {
    text += numbered(number++, width, as_shown(*line));
  }
  text += marked_line(at, width);
  for (auto line = after.begin(); line != last; ++line) {
    text += numbered(++number, width, as_shown(*line));
  }
  return text;
}

std::string Painter::marked_line(const base::SourcePosition& at, std::size_t width) const {
  const std::string_view line = at.source_line;
  if (at.column <= 0) return numbered(at.line, width, as_shown(line));
  const std::size_t from = std::min(static_cast<std::size_t>(at.column) - 1, line.size());
  // A caret beyond what is shown: the beginning is left out.
  std::size_t begin = from > kSourceLimitBytes / 2 ? from - kSourceLimitBytes / 2 : 0;
  while (begin < from && (static_cast<unsigned char>(line[begin]) & 0xc0) == 0x80) ++begin;
  std::string shown = begin > 0 ? "..." : "";
  append_source(shown, line.substr(begin, from - begin));
  const std::size_t column = columns_of(shown);
  const std::string_view word = line.substr(
      from,
      std::min<std::size_t>(static_cast<std::size_t>(std::max(at.length, 1)), kSourceLimitBytes));
  append_source(shown, word);
  const std::size_t end = columns_of(shown);
  append_source(shown, line.substr(from + word.size()).substr(0, 4 * kSourceLimitBytes));
  shown = shortened(std::move(shown), std::max(kSourceLimitBytes, 2 * column));
  const std::size_t last = std::max(column, std::min(end, columns_of(shown)));
  const std::size_t marks = std::clamp<std::size_t>(last - column, 1, 80);
  return numbered(at.line, width, shown) +
         numbered(0, width, std::string(column, ' ') + painted(kRed, std::string(marks, '^')));
}

// As workflow commands want it; a value of a property besides without what separates properties.
enum class Part { kMessage, kProperty };

std::string escaped(std::string_view text, Part part) {
  std::string result;
  for (const char c : text) {
    const bool special =
        c == '%' || c == '\r' || c == '\n' || (part == Part::kProperty && (c == ':' || c == ','));
    result += special ? fmt::format("%{:02X}", static_cast<unsigned>(c)) : std::string(1, c);
  }
  return result;
}

std::string annotation(const ErrorStyle& style, const char* kind, const std::string& what,
                       const std::optional<base::SourcePosition>& at) {
  if (!style.annotations || !at) return {};
  std::string text =
      fmt::format("::{} file={}", kind, escaped(base::printable(at->file), Part::kProperty));
  if (at->line > 0) text += fmt::format(",line={}", at->line);
  if (at->line > 0 && at->column > 0) text += fmt::format(",col={}", at->column);
  return text + "::" + escaped(shortened(what, kMessageLimitBytes), Part::kMessage) + "\n";
}

std::string annotation(const ErrorStyle& style, const char* kind, const base::Error& error) {
  std::string what = base::printable(base::trim(error.what()));
  for (const std::string& note : error.notes()) what += "\nnote: " + base::printable(note);
  if (!error.hint().empty()) what += "\nhint: " + base::printable(error.hint());
  return annotation(style, kind, what, error.position());
}

}  // namespace

bool wants_color(int fd) {
  const auto variable = [](const char* name) { return environment_variable(name).value_or(""); };
  const std::string force = variable("CLICOLOR_FORCE");
  if (!force.empty() && force != "0") return true;
  return is_terminal(fd) && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

ErrorStyle ErrorStyle::of(int fd) {
  return {.color = wants_color(fd),
          .annotations = environment_variable("GITHUB_ACTIONS").value_or("") == "true"};
}

std::string render_error(const base::Error& error, const ErrorStyle& style) {
  const Painter painter(style);
  std::string text = painter.error(error);
  std::string annotations = annotation(style, "error", error);
  std::size_t shown = 1;
  for (const base::Error& other : error.more()) {
    annotations += annotation(style, "error", other);
    if (++shown > kErrorsShown) continue;
    // Excerpts would run into each other.
    if (other.position()) text += "\n";
    text += painter.error(other);
  }
  if (shown > kErrorsShown) text += fmt::format("Error: and {} more\n", shown - kErrorsShown);
  return text + annotations;
}

std::string render_warning(const base::Warning& warning, const ErrorStyle& style) {
  const Painter painter(style);
  const std::string what = warning.rule.empty() ? warning.text : warning.rule + ": " + warning.text;
  std::optional<base::SourcePosition> where = warning.position;
  if (where) where->lines_before = where->lines_after = {};
  // What lint finds is shown in full when it is asked for.
  if (where && !warning.rule.empty()) where->source_line.clear();
  return painter.warning(where ? what : warning.text, where) +
         annotation(style, "warning", what, where);
}

}  // namespace bld::cmd
