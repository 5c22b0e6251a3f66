// Descriptors 0, 1 and 2, and the words of the command line, as a process finds them.
#pragma once

#include <string_view>

namespace bld::cmd {

// Opens those that are closed on /dev/null, so that no file of ours becomes somebody's output.
void open_standard_streams();

// Overwrites passwords in argv, which any user of the machine can read.
void wipe_secrets(int argc, char** argv);

// Writes everything to standard output; throws when that fails, as on a full disk.
void print(std::string_view text);

// Writes to standard error; what cannot be written is lost.
void print_error(std::string_view text);

bool is_terminal(int fd);

}  // namespace bld::cmd
