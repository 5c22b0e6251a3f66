#include "layers/whiteout.h"

#include "base/error.h"
#include "base/rooted_dir.h"
#include "base/text.h"

namespace bld::layers {

namespace {

constexpr std::string_view kPrefix = ".wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";

std::string in_directory(const std::string& parent, std::string_view name) {
  std::string path = parent;
  if (!path.empty()) path += '/';
  path += name;
  return path;
}

}  // namespace

WhiteoutName parse_whiteout(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (!name.starts_with(kPrefix)) return {WhiteoutName::Kind::kNone, std::string(path)};
  const std::string parent(slash == std::string_view::npos ? "" : path.substr(0, slash));
  if (name == kOpaqueName) return {WhiteoutName::Kind::kOpaque, parent};
  const std::string_view hidden = name.substr(kPrefix.size());
  if (hidden.empty() || hidden == "." || hidden == ".." || hidden.starts_with(kPrefix)) {
    throw base::Error("{}: not the name of a whiteout", base::printable(path));
  }
  return {WhiteoutName::Kind::kWhiteout, in_directory(parent, hidden)};
}

std::string whiteout_path(std::string_view hidden) {
  const auto [parent, name] = base::split_path(hidden);
  return in_directory(parent, std::string(kPrefix) + name);
}

std::string opaque_path(std::string_view directory) {
  return in_directory(std::string(directory), kOpaqueName);
}

}  // namespace bld::layers
