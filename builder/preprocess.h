// A Containerfile called NAME.in: what the C preprocessor makes of it, as Buildah has it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/events.h"
#include "dockerfile/source_text.h"

namespace bld::builder {

struct PreprocessInput {
  dockerfile::SourcePart file;
  std::filesystem::path directory;  // of the file: #include "x" is looked for there, then in
  std::filesystem::path context;    // the context
  std::vector<std::string> flags;   // the user's
  bool is_foreign = false;          // file and context are: nothing outside of it is included
};

struct Preprocessed {
  std::vector<dockerfile::SourcePart> parts;  // each with the place where its text was written
  std::vector<base::Warning> warnings;        // lines with '#' that are no directives are dropped
};

// Runs `cpp -E -iquote DIRECTORY -iquote CONTEXT -traditional -undef FLAGS -`. Directives of the
// Containerfile (syntax, escape, check) at the top of the file are kept. Anything that cpp calls an
// error, but the dropped lines, is one.
Preprocessed preprocess(PreprocessInput input);

}  // namespace bld::builder
