#include "builder/containerfile.h"

#include <array>

#include "base/error.h"
#include "base/file_io.h"

namespace bld::builder {

namespace {

using dockerfile::SourceText;
namespace fs = std::filesystem;

fs::path find_default(const fs::path& context) {
  constexpr std::array<const char*, 2> kNames = {"Containerfile", "Dockerfile"};
  for (const char* name : kNames) {
    if (fs::exists(context / name)) return context / name;
  }
  base::Error error("no Containerfile or Dockerfile in {}", fs::absolute(context).string());
  error.hint("name one with -f FILE");
  throw error;
}

// As written, else in the context: what -f means for Buildah.
fs::path locate(const fs::path& file, const fs::path& context) {
  if (fs::exists(file) || file.is_absolute()) return file;
  return fs::exists(context / file) ? context / file : file;
}

}  // namespace

Containerfile read_containerfiles(const BuildRequest& request) {
  std::vector<fs::path> files = request.containerfiles;
  if (files.empty()) files.push_back(find_default(request.context));
  std::string text;
  fs::path first;
  for (const fs::path& file : files) {
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    if (file == "-") {
      text += base::read_fd(0, SourceText::kMaximumBytes);
      continue;
    }
    const fs::path path = locate(file, request.context);
    if (path.extension() == ".in") {
      throw base::Error("{}: Containerfile.in is not supported by bld yet", path.string());
    }
    text += base::read_file(path, SourceText::kMaximumBytes);
    if (first.empty()) first = path;
  }
  const std::string shown = first.empty() ? "-" : first.filename().string();
  return {SourceText(shown, std::move(text)), std::move(first)};
}

}  // namespace bld::builder
