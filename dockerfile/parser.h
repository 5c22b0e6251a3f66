// Containerfile text to AST, with every error that can be seen before anything is built.
#pragma once

#include <string_view>

#include "dockerfile/instruction.h"
#include "dockerfile/source_text.h"

namespace bld::dockerfile {

// Throws base::Error with the position of the first error; the others are in more().
Containerfile parse(const SourceText& source);

// One instruction as it is stored in an image's OnBuild or given to `bld config --onbuild`: the
// text, and after it the bodies of its heredocs. Throws on ONBUILD, FROM and MAINTAINER.
Instruction parse_onbuild_trigger(std::string_view text, char escape = '\\');

}  // namespace bld::dockerfile
