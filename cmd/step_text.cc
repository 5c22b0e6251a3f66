#include "cmd/step_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace bld::cmd {

std::string step_label(const base::StepPlanned& step) {
  std::string label = "[";
  if (!step.platform.empty()) label += base::printable(step.platform) + " ";
  if (!step.stage_name.empty()) {
    label += base::printable(step.stage_name) + " ";
  } else if (step.stage_count > 1) {
    label += fmt::format("stage-{} ", step.stage);
  }
  return label + fmt::format("{}/{}]", step.number, step.count);
}

std::string instruction_line(const base::StepPlanned& step) {
  std::string text = step.text;
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::replace(text.begin(), text.end(), '\t', ' ');
  return base::printable(text);
}

namespace {

// Length of the escape sequence at the front of `text` (which begins with ESC).
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    for (std::size_t i = 2; i < text.size(); ++i) {
      if (text[i] >= 0x40 && text[i] <= 0x7e) return i + 1;
    }
    return text.size();
  }
  if (text[1] == ']') {
    const std::size_t bell = text.find('\a');
    const std::size_t end = text.find("\x1b\\", 2);
    if (bell != std::string_view::npos && bell < end) return bell + 1;
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  return 2;
}

}  // namespace

std::string without_escapes(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  if (const std::size_t back = line.rfind('\r'); back != std::string_view::npos) {
    line.remove_prefix(back + 1);
  }
  std::string text;
  while (!line.empty()) {
    const std::size_t skipped = line[0] == '\x1b' ? escape_length(line) : 1;
    if (line[0] == '\t') {
      text += "    ";
    } else if (line[0] != '\x1b') {
      text += line[0];
    }
    line.remove_prefix(skipped);
  }
  return base::printable(text);
}

void LastLines::keep(const std::string& line) {
  lines_.push_back(without_escapes(line));
  if (lines_.size() > kMost) lines_.pop_front();
}

std::string TransferLines::line_for(const base::Transfer& transfer) {
  if (!seen_.insert(transfer.id).second) return {};
  std::string_view id = transfer.id;
  const std::size_t blank = id.find(' ');
  if (blank != std::string_view::npos) id.remove_prefix(blank + 1);
  return base::printable(fmt::format("{} {}", transfer.action, id)) + "\n";
}

}  // namespace bld::cmd
