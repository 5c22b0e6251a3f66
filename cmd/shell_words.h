// Words as a POSIX shell splits them, without any expansion: --cmd "/bin/sh -c 'echo hi'".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bld::cmd {

// Throws on an unclosed quote.
std::vector<std::string> shell_words(std::string_view text);

}  // namespace bld::cmd
