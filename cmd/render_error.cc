#include "cmd/render_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace bld::cmd {

namespace {

constexpr std::size_t kMessageLimitBytes = 1900;
constexpr std::size_t kSourceLimitBytes = 160;  // of one source line
constexpr std::size_t kErrorsShown = 10;

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

// Where each character of printable(line) would be on a terminal: a character is one column.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string untabbed(std::string_view line) {
  std::string text(line);
  std::replace(text.begin(), text.end(), '\t', ' ');
  return text;
}

std::string shown_line(int number, const std::string& text) {
  return fmt::format("{:>5} | {}\n", number, text);
}

std::string excerpt(const base::SourcePosition& position) {
  if (position.source_line.empty() || position.line <= 0) return {};
  const std::string_view line = position.source_line;
  const std::size_t from = std::min(
      position.column > 0 ? static_cast<std::size_t>(position.column) - 1 : 0, line.size());
  // A caret beyond what is shown: the beginning is left out.
  const std::size_t begin = from > kSourceLimitBytes / 2 ? from - kSourceLimitBytes / 2 : 0;
  const std::string lead = begin > 0 ? "..." : "";
  const std::string front = lead + base::printable(untabbed(line.substr(begin, from - begin)));
  std::string text = shown_line(
      position.line,
      front + shortened(base::printable(untabbed(line.substr(from))), kSourceLimitBytes));
  if (position.column > 0) {
    const auto length = static_cast<std::size_t>(std::max(position.length, 1));
    const std::size_t width =
        std::clamp<std::size_t>(columns(base::printable(line.substr(from, length))), 1, 80);
    text +=
        fmt::format("      | {}{}\n", std::string(columns(front), ' '), std::string(width, '^'));
  }
  return text;
}

std::string render(std::string_view kind, const std::string& what,
                   const std::optional<base::SourcePosition>& position, const std::string& hint) {
  std::string line = base::printable(base::trim(what));
  if (position && !line.starts_with(place(*position))) line = place(*position) + ": " + line;
  std::string text = shortened(fmt::format("{}{}", kind, line), kMessageLimitBytes) + "\n";
  if (position) text += excerpt(*position);
  if (!hint.empty()) {
    text += shortened("hint: " + base::printable(hint), kMessageLimitBytes) + "\n";
  }
  return text;
}

}  // namespace

std::string render_error(const base::Error& error) {
  std::string text = render("Error: ", error.what(), error.position(), error.hint());
  std::size_t shown = 1;
  for (const base::Error& other : error.more()) {
    if (++shown > kErrorsShown) {
      text += fmt::format("Error: and {} more\n", error.more().size() + 1 - kErrorsShown);
      break;
    }
    text += render("Error: ", other.what(), other.position(), other.hint());
  }
  return text;
}

std::string render_warning(const base::Warning& warning) {
  if (warning.rule.empty()) return render("[Warning] ", warning.text, warning.position, "");
  // What lint finds is shown in full when it is asked for.
  std::optional<base::SourcePosition> where = warning.position;
  if (where) where->source_line.clear();
  return render("[Warning] ", where ? warning.rule + ": " + warning.text : warning.text, where, "");
}

}  // namespace bld::cmd
