// ADD of a git repository: what the source says, and fetching it with git's own program.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/rooted_dir.h"
#include "builder/download.h"

namespace bld::builder {

// "URL#REF:SUBDIR", or "URL?branch=…&subdir=…", taken apart.
struct GitSource {
  std::string url;     // what git is given: without fragment and query
  std::string ref;     // branch, tag, full ref or commit; empty: what the remote's HEAD is
  std::string commit;  // must come out, where the query says so; lower-case hex, perhaps shortened
  std::string subdir;  // "" is the whole repository
  bool submodules = true;
  bool keep_git_dir = false;

  // Nothing if the text is no git source: "https://….git" and the same with http, "git://…",
  // "ssh://…", "USER@HOST:PATH". A malformed one is an Error.
  static std::optional<GitSource> parse(std::string_view text);
  // The same for a build context, which may also be "github.com/OWNER/REPOSITORY".
  static std::optional<GitSource> parse_context(std::string_view text);
};

struct GitOptions {
  std::string expected_commit = {};  // lower-case hex, perhaps shortened; empty: any
  bool keep_git_dir = false;
  RemoteAccess access = {};
};

// Fetches what is asked for, as shallow as the server allows, and checks it out into the empty
// directory `target`: modes 0644 and 0755, all times those of the commit. git runs without the
// user's and the machine's configuration, without hooks, and speaks the source's protocol only.
// User and password in the URL go to git by its environment and are in no message. The commit must
// be `commit` and `expected_commit` where they are given.
void fetch_git(const GitSource& source, const GitOptions& options, const base::RootedDir& target,
               std::stop_token stop);

}  // namespace bld::builder
