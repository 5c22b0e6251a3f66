// The commands in a piece of shell text, as far as lint needs to see them.
//
// No shell grammar: text is cut at separators outside of quotes. What it cannot tell (aliases,
// eval, functions) looks like a command of that name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bld::dockerfile {

struct ShellCommand {
  // Without quotes, assignments in front, and words such as `then`, `sudo` or `env`.
  std::vector<std::string> words;
  std::size_t begin = 0, end = 0;  // of the first of them, in the text
  bool reads_pipe = false;         // it stands after |
};

std::vector<ShellCommand> shell_commands(std::string_view text);

}  // namespace bld::dockerfile
