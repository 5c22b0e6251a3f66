// ADD of a git repository: what the source says, and fetching it with git's own program.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/rooted_dir.h"

namespace bld::builder {

// "URL#REF:SUBDIR", or "URL?branch=…&subdir=…", taken apart.
struct GitSource {
  std::string url;     // what git is given: without fragment and query
  std::string ref;     // branch, tag, full ref or commit; empty: what the remote's HEAD is
  std::string commit;  // must come out, where the query says so; lower-case hex, perhaps shortened
  std::string subdir;  // "" is the whole repository
  bool submodules = true;
  bool keep_git_dir = false;

  // Nothing if the text is no git source. A malformed one is an Error.
  static std::optional<GitSource> parse(std::string_view text);
};

// Fetches what is asked for, as shallow as the server allows, and checks it out into the empty
// directory `target`: modes 0644 and 0755, all times those of the commit. git runs without the
// user's and the machine's configuration, without hooks, and speaks the source's protocol only.
// The commit must be `commit` and `expected_commit` where they are given.
void fetch_git(const GitSource& source, const std::string& expected_commit, bool keep_git_dir,
               const base::RootedDir& target, std::stop_token stop);

}  // namespace bld::builder
