#include "builder/add_remote.h"

#include <sys/stat.h>

#include <memory>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/download.h"
#include "builder/git_source.h"
#include "builder/resolve_links.h"
#include "builder/url_text.h"
#include "image/digest.h"

namespace bld::builder {

namespace {

constexpr const char* kFileName = "file";  // in the scratch directory

FetchedSource fetch_file(const std::string& source, const RemoteOptions& options,
                         const base::RootedDir& scratch, std::stop_token stop) {
  if (!options.checksum.empty() && image::Digest::parse(options.checksum).algorithm() != "sha256") {
    throw base::Error("--checksum: {} is no sha256 digest", base::printable(options.checksum));
  }
  const Downloaded file = download(source, options.access, {}, scratch, kFileName, std::move(stop));
  if (!options.checksum.empty() && file.sha256 != options.checksum) {
    scratch.remove_tree(kFileName);
    throw base::Error("checksum mismatch: expected {}, got {}", options.checksum, file.sha256)
        .add_context(shown_url(source));
  }
  const std::string name = file_name_of_url(source);
  return {.root = std::make_shared<const base::RootedDir>(scratch.duplicate()),
          .path = kFileName,
          .name = name.empty() ? file.file_name : name};
}

FetchedSource fetch_repository(const GitSource& source, const RemoteOptions& options,
                               const base::RootedDir& scratch, std::stop_token stop) {
  base::RootedDir target = scratch.make_dirs("repository", 0755);
  fetch_git(source,
            {.expected_commit = options.checksum,
             .keep_git_dir = options.keep_git_dir || source.keep_git_dir,
             .access = options.access},
            target, std::move(stop));
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
  return is_http_url(source) || GitSource::parse(source).has_value();
}

FetchedSource fetch_remote(const std::string& source, const RemoteOptions& options,
                           const base::RootedDir& scratch, std::stop_token stop) {
  if (const auto repository = GitSource::parse(source)) {
    return fetch_repository(*repository, options, scratch, std::move(stop));
  }
  return fetch_file(source, options, scratch, std::move(stop));
}

}  // namespace bld::builder
