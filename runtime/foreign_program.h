// Programs for other processors than this machine's, for messages that say what to install.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/rooted_dir.h"

namespace bld::runtime {

// What an ELF file is for, in the words of image platforms ("arm64"); "" for anything else, and for
// a processor without such a word its number ("ELF machine 40").
std::string elf_architecture(std::string_view file_start);

// The architecture of the first of `programs` that is there, or of the interpreter that its first
// line names; "" if it is no ELF file or of this machine's own kind.
std::string foreign_architecture(const base::RootedDir& root,
                                 const std::vector<std::string>& programs);

}  // namespace bld::runtime
