// .containerignore and .dockerignore, and COPY --exclude, which is the same language.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/pattern.h"

namespace bld::dockerfile {

// An ordered list of patterns of which the last that matches a path, or a folder above it,
// decides. A value; matching is const and may be done by several threads.
class IgnoreFile {
 public:
  IgnoreFile() = default;  // ignores nothing

  // Throws base::Error at the line of a malformed pattern.
  static IgnoreFile parse(std::string_view text, std::string_view file_name = ".containerignore");

  // Patterns as in a file's lines, but neither comments nor trimmed blanks.
  static IgnoreFile from_patterns(std::span<const std::string> patterns);

  // `path` is relative, clean, with `/`; "" and "." are never ignored.
  bool ignored(std::string_view path) const;

  // Why `path` is ignored: "line 3 of .containerignore: *.log", or "" if it is not, or if there is
  // no file.
  std::string reason(std::string_view path) const;

  // If an ignored folder answers false here, nothing below it is brought back by a `!` line and a
  // walk need not enter it.
  bool may_have_exceptions_below(std::string_view folder) const;

  bool empty() const { return rules_.empty(); }

  // Whether a line begins with `!`.
  bool has_exceptions() const;

 private:
  struct Rule {
    Pattern pattern;
    bool exception;
    std::string text;  // as written
    int line;          // 0: it is in no file
  };

  void add(std::string_view line, int number);
  const Rule* deciding(std::string_view path) const;  // null: none matches

  std::string file_name_;
  std::vector<Rule> rules_;
};

// Where the rules of a Containerfile may be, in the order of preference, as names next to it:
// NAME.containerignore, NAME.dockerignore.
std::vector<std::string> ignore_file_names_of(std::string_view containerfile_name);

}  // namespace bld::dockerfile
