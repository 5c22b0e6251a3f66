// A Containerfile from anywhere: parsing ends in an AST or an Error, and so do its triggers. The
// lint rules have something or nothing to say about each AST, at places that exist.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>

#include "base/error.h"
#include "dockerfile/lint.h"
#include "dockerfile/parser.h"
#include "dockerfile/stages.h"

using namespace bld;

namespace {

void lint(const dockerfile::SourceText& source, const dockerfile::Containerfile& file) {
  dockerfile::LintInput input{.source = source, .file = file};
  input.options.experimental_all = true;
  for (const dockerfile::Finding& finding : dockerfile::lint(input)) {
    const base::Warning warning = dockerfile::warning_of(source, finding);
    if (warning.rule.empty() || warning.position->line < 1) std::abort();
  }
  input.target = "";
  dockerfile::lint(input);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const dockerfile::SourceText source("Containerfile", text);
    const dockerfile::Containerfile file = dockerfile::parse(source);
    const dockerfile::Stages stages(file);
    stages.target("");
    lint(source, file);
    for (const dockerfile::Instruction& instruction : file.instructions) {
      source.position(instruction.span);
      const auto* onbuild = std::get_if<dockerfile::Onbuild>(&instruction.what);
      if (onbuild == nullptr) continue;
      dockerfile::parse_onbuild_trigger(onbuild->trigger, file.directives.escape);
    }
  } catch (const base::Error&) {
  }
  return 0;
}
