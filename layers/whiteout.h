// .wh.NAME and .wh..wh..opq, the names by which a tar says what a layer removes.
#pragma once

#include <string>
#include <string_view>

namespace bld::layers {

struct WhiteoutName {
  enum class Kind { kNone, kWhiteout, kOpaque };
  Kind kind = Kind::kNone;
  std::string path;  // what is hidden, or the directory that is opaque; for kNone the path itself
};

// What the path of a tar entry means. A whiteout of nothing, "." or ".." is an Error, and so are
// other names that begin with ".wh..wh." (they were AUFS's own).
WhiteoutName parse_whiteout(std::string_view path);

std::string whiteout_path(std::string_view hidden);   // a/b → a/.wh.b
std::string opaque_path(std::string_view directory);  // a → a/.wh..wh..opq

}  // namespace bld::layers
