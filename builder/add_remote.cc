#include "builder/add_remote.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/git_source.h"
#include "builder/resolve_links.h"
#include "builder/url_text.h"

namespace bld::builder {

namespace {

FetchedSource fetch_repository(const GitSource& source, const RemoteOptions& options,
                               const base::RootedDir& scratch, std::stop_token stop) {
  base::RootedDir target = scratch.make_dirs("repository", 0755);
  const bool keep = options.keep_git_dir || source.keep_git_dir;
  fetch_git(source, options.checksum, keep, target, std::move(stop));
  const ResolvedPath folder = resolve_links(target, source.subdir);
  if (!folder.status || !S_ISDIR(folder.status->st_mode)) {
    throw base::Error("{} has no folder \"{}\"", without_userinfo(source.url),
                      base::printable(source.subdir));
  }
  return {.root = std::make_shared<const base::RootedDir>(std::move(target)),
          .path = folder.path,
          .name = ""};
}

}  // namespace

bool is_remote_source(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://") ||
         GitSource::parse(source).has_value();
}

FetchedSource fetch_remote(const std::string& source, const RemoteOptions& options,
                           const base::RootedDir& scratch, std::stop_token stop) {
  if (const auto repository = GitSource::parse(source)) {
    return fetch_repository(*repository, options, scratch, std::move(stop));
  }
  throw base::Error("no http yet");
}

}  // namespace bld::builder
