// A Containerfile from anywhere: parsing ends in an AST or an Error, and so do its triggers.
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "base/error.h"
#include "dockerfile/parser.h"
#include "dockerfile/stages.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const dockerfile::SourceText source("Containerfile", text);
    const dockerfile::Containerfile file = dockerfile::parse(source);
    const dockerfile::Stages stages(file);
    stages.target("");
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
