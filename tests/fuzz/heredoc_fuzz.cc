// Heredocs: their marks lie in the line, and a body read back is what the lines say.
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "base/error.h"
#include "dockerfile/expand.h"
#include "dockerfile/lexer.h"
#include "dockerfile/parser.h"

using namespace bld;

namespace {

void require(bool truth) {
  if (!truth) __builtin_trap();
}

// Reads a text as the parser does: a line, then the bodies that it announces.
void read_bodies(const dockerfile::SourceText& source) {
  dockerfile::LineReader reader(source, '\\');
  while (const auto line = reader.next()) {
    std::size_t end = 0;
    for (const dockerfile::HeredocMark& mark : dockerfile::heredoc_marks(line->text)) {
      require(end <= mark.begin && mark.begin < mark.end && mark.end <= line->text.size());
      require(!mark.name.empty());
      end = mark.end;
      const int before = reader.last_line();
      const auto body = reader.heredoc_body(mark.name, mark.strip_tabs);
      if (!body) return;
      require(reader.last_line() > before && reader.last_line() <= source.line_count());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const dockerfile::Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name.size() % 2 != 0) return std::nullopt;
    return "value of " + std::string(name);
  };
  try {
    dockerfile::heredoc_mark(text);
    const dockerfile::SourceText source("Containerfile", text);
    read_bodies(source);
    for (const auto& instruction : dockerfile::parse(source).instructions) {
      const auto* run = std::get_if<dockerfile::Run>(&instruction.what);
      if (run == nullptr) continue;
      run->command.text_with_bodies();
      for (const dockerfile::Heredoc& heredoc : run->command.heredocs) {
        const std::string content = heredoc.content();
        if (heredoc.strip_tabs) require(content.empty() || content.front() != '\t');
        dockerfile::expand_heredoc(content, lookup);
      }
    }
  } catch (const base::Error&) {
  }
  return 0;
}
