// One CSV record: how options of RUN --mount, and of flags of the command line, are written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bld::dockerfile {

// The fields, as RFC 4180 quotes them. Throws on quotes that do not pair.
std::vector<std::string> split_csv(std::string_view text);

}  // namespace bld::dockerfile
