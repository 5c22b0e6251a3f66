// The JSON form of arguments: ["a", "b"].
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bld::dockerfile {

// The strings of an array; nothing if the text is no JSON array, for it is shell text then.
// Throws base::Error if it is one, but holds something else than strings.
std::optional<std::vector<std::string>> parse_json_words(std::string_view text);

}  // namespace bld::dockerfile
