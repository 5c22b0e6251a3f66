// ADD of a URL or of a git repository: brings it here, as files that select() takes.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/rooted_dir.h"
#include "builder/copy_step.h"
#include "builder/download.h"

namespace bld::builder {

// "http://…" and "https://…"; for git also "git://…", "ssh://…" and "USER@HOST:PATH".
bool is_remote_source(std::string_view source);

struct RemoteOptions {
  std::string checksum = {};  // "sha256:…" of a file, or a commit; empty: not checked
  bool keep_git_dir = false;  // of a repository; the source's query may ask for it too
  RemoteAccess access = {};
};

// A file comes with mode 0600, the time of its Last-Modified and the name in the URL, or
// else in Content-Disposition; a repository
// as a folder with modes 0644 and 0755, without ".git" unless it is asked for. It lies below
// `scratch`, an empty directory of which the result keeps what it needs. A checksum is verified
// before anything is returned.
FetchedSource fetch_remote(const std::string& source, const RemoteOptions& options,
                           const base::RootedDir& scratch, std::stop_token stop);

}  // namespace bld::builder
