#include "builder/git_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/copy_selection.h"
#include "builder/url_text.h"

namespace bld::builder {

namespace {

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_full_commit(std::string_view text) {
  return is_hex(text) && (text.size() == 40 || text.size() == 64);
}

// The protocol as GIT_ALLOW_PROTOCOL names it; empty if the text is no git source.
std::string protocol_of(std::string_view url) {
  if (url.starts_with("git@") && url.find(':') != std::string_view::npos) return "ssh";
  for (const char* protocol : {"git", "ssh"}) {
    if (url.starts_with(std::string(protocol) + "://")) return protocol;
  }
  for (const char* protocol : {"http", "https"}) {
    if (url.starts_with(std::string(protocol) + "://") && url.ends_with(".git")) return protocol;
  }
  return "";
}

bool parse_bool(std::string_view key, std::string_view value) {
  if (value.empty() || value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  throw base::Error("git source: {}={} is neither true nor false", key, base::printable(value));
}

void apply_query(std::string_view query, GitSource& source) {
  for (const std::string& pair : base::split(query, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string key = pair.substr(0, equals);
    const std::string value =
        equals == std::string::npos ? "" : unescape_url(std::string_view(pair).substr(equals + 1));
    if (key == "ref") {
      source.ref = value;
    } else if (key == "branch") {
      source.ref = "refs/heads/" + value;
    } else if (key == "tag") {
      source.ref = "refs/tags/" + value;
    } else if (key == "commit" || key == "checksum") {
      source.commit = value;
    } else if (key == "subdir") {
      source.subdir = value;
    } else if (key == "submodules") {
      source.submodules = parse_bool(key, value);
    } else if (key == "keep-git-dir") {
      source.keep_git_dir = parse_bool(key, value);
    } else {
      throw base::Error("git source: unknown query key {}", base::printable(key))
          .hint("known are ref, branch, tag, commit, subdir, submodules and keep-git-dir");
    }
  }
}

// git reads some texts as options or as patterns of refs; none of these is the name of one.
void check_ref(std::string_view ref) {
  const bool bad =
      ref.starts_with('-') || ref.starts_with('+') || ref.find("..") != std::string_view::npos ||
      std::any_of(ref.begin(), ref.end(), [](unsigned char c) {
        return c <= ' ' || c == 0x7f ||
               std::string_view("~^:?*[\\").find(static_cast<char>(c)) != std::string_view::npos;
      });
  if (bad) throw base::Error("git source: {} is no name of a ref", base::printable(ref));
}

// One repository on disk and the runs of git in it.
class Repository {
 public:
  Repository(const GitSource& source, const base::RootedDir& target, std::stop_token stop)
      : source_(source), target_(target), stop_(std::move(stop)) {}

  // Standard output; nothing if git failed, whose words are in `error_`.
  std::optional<std::string> try_git(const std::vector<std::string>& args) {
    if (stop_.stop_requested()) throw base::Error("canceled");
    base::ProcessOptions options;
    options.args = {"git",
                    "-c",
                    "core.hooksPath=/dev/null",
                    "-c",
                    "core.fsmonitor=false",
                    "-c",
                    "core.autocrlf=false",
                    "-c",
                    "core.symlinks=true",
                    "-c",
                    "core.logAllRefUpdates=false",
                    "-c",
                    "init.templateDir=",
                    "-c",
                    "init.defaultBranch=main",
                    "-c",
                    "advice.detachedHead=false",
                    "-c",
                    "gc.auto=0",
                    "-c",
                    "maintenance.auto=false",
                    "-c",
                    "credential.helper=",
                    "-c",
                    "protocol.file.allow=never",
                    "-c",
                    "protocol.ext.allow=never",
                    "-c",
                    "safe.directory=*"};
    options.args.insert(options.args.end(), args.begin(), args.end());
    options.env = environment();
    options.inherit_env = false;
    // Still ours in the child when it changes there: descriptors are closed by the exec.
    options.directory = "/proc/self/fd/" + std::to_string(target_.fd());
    const base::ProcessResult result = base::run_process(options);
    if (result.exit_status == 0) return result.output;
    error_ = result.error_output;
    return std::nullopt;
  }

  std::string git(const std::vector<std::string>& args) {
    if (auto output = try_git(args)) return std::move(*output);
    throw failure("git " + args.front());
  }

  base::Error failure(std::string_view what) const {
    std::vector<std::string> lines = base::split(base::trim(error_), '\n');
    const std::string last = lines.empty() ? "" : base::printable(lines.back());
    return base::Error("{} of {}: {}", what, without_userinfo(source_.url),
                       last.empty() ? "failed" : last);
  }

 private:
  std::vector<std::string> environment() const {
    std::vector<std::string> env = {"GIT_CONFIG_NOSYSTEM=1",
                                    "GIT_CONFIG_GLOBAL=/dev/null",
                                    "GIT_ATTR_NOSYSTEM=1",
                                    "GIT_TERMINAL_PROMPT=0",
                                    "GIT_ASKPASS=/bin/false",
                                    "SSH_ASKPASS=/bin/false",
                                    "GIT_SSH_COMMAND=ssh -o BatchMode=yes",
                                    "GIT_LFS_SKIP_SMUDGE=1",
                                    "HOME=/nonexistent",
                                    "LC_ALL=C"};
    env.push_back("GIT_ALLOW_PROTOCOL=" + protocol_of(source_.url));
    // How this machine reaches the network is its owner's to say.
    for (const char* name :
         {"PATH", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
          "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK"}) {
      if (const char* value = std::getenv(name)) env.push_back(std::string(name) + "=" + value);
    }
    return env;
  }

  const GitSource& source_;
  const base::RootedDir& target_;
  std::stop_token stop_;
  std::string error_;
};

// Not every server gives single commits or shallow histories: then all of it is fetched.
// Returns what to check out.
std::string fetch(Repository& repository, const GitSource& source) {
  const std::string wanted = !source.ref.empty()             ? source.ref
                             : is_full_commit(source.commit) ? source.commit
                                                             : "HEAD";
  const std::vector<std::string> common = {"fetch", "--quiet", "--no-tags",
                                           "--no-recurse-submodules"};
  auto shallow = common;
  shallow.insert(shallow.end(), {"--depth=1", source.url, wanted});
  if (repository.try_git(shallow)) return "FETCH_HEAD";
  auto deep = common;
  deep.insert(deep.end(), {source.url, wanted});
  if (repository.try_git(deep)) return "FETCH_HEAD";
  const base::Error failed = repository.failure("git fetch");
  auto all = common;
  all.insert(all.end(), {source.url, "+refs/heads/*:refs/fetched/heads/*",
                         "+refs/tags/*:refs/fetched/tags/*"});
  if (!is_hex(wanted) || !repository.try_git(all)) throw failed;
  return wanted;
}

void check_commit(const std::string& found, const std::string& expected) {
  if (expected.empty()) return;
  if (!is_hex(expected) || expected.size() < 7) {
    throw base::Error("checksum {}: a commit is at least 7 lower-case hexadecimal digits",
                      base::printable(expected));
  }
  if (!found.starts_with(expected)) {
    throw base::Error("checksum mismatch: expected commit {}, got {}", expected, found);
  }
}

// What git made by our umask and at the time of day becomes what every machine makes of it.
void settle(const base::RootedDir& target, std::int64_t commit_time) {
  const struct timespec times[2] = {{commit_time, 0}, {commit_time, 0}};
  std::vector<SourceFile> files = walk_folder(target, "", {});
  // From the deepest on: a folder's time is set after all changes in it.
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const auto [parent, name] = base::split_path(file->path);
    const base::RootedDir folder = target.open_dir(parent, base::Resolve::kInRootNoLinks);
    const mode_t mode = file->status.st_mode;
    if (!S_ISLNK(mode)) {
      const mode_t wanted = S_ISDIR(mode) || (mode & S_IXUSR) != 0 ? 0755 : 0644;
      if (::fchmodat(folder.fd(), name.c_str(), wanted, 0) != 0) {
        throw base::Error::sys("chmod", base::printable(file->path));
      }
    }
    if (::utimensat(folder.fd(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
      throw base::Error::sys("utimensat", base::printable(file->path));
    }
  }
}

// The .git folder of the repository, and the .git files of its submodules.
void remove_git_dirs(const base::RootedDir& target) {
  for (const SourceFile& file : walk_folder(target, "", {})) {
    const auto [parent, name] = base::split_path(file.path);
    if (name != ".git") continue;
    if (const auto folder = target.find_dir(parent)) folder->remove_tree(name);
  }
}

}  // namespace

std::optional<GitSource> GitSource::parse(std::string_view text) {
  GitSource source;
  const std::size_t hash = text.find('#');
  std::string_view url = text.substr(0, hash);
  std::string_view query;
  if (const std::size_t mark = url.find('?'); mark != std::string_view::npos) {
    query = url.substr(mark + 1);
    url = url.substr(0, mark);
  }
  if (protocol_of(url).empty()) return std::nullopt;
  source.url = url;
  apply_query(query, source);
  if (hash != std::string_view::npos) {
    const std::string_view fragment = text.substr(hash + 1);
    const std::size_t colon = fragment.find(':');
    if (colon != 0) source.ref = fragment.substr(0, colon);
    if (colon != std::string_view::npos) source.subdir = fragment.substr(colon + 1);
  }
  check_ref(source.ref);
  if (source.url.find_first_of(std::string_view(" \t\n\0", 4)) != std::string::npos) {
    throw base::Error("git source: {} is no URL", base::printable(without_userinfo(source.url)));
  }
  return source;
}

void fetch_git(const GitSource& source, const std::string& expected_commit, bool keep_git_dir,
               const base::RootedDir& target, std::stop_token stop) {
  Repository repository(source, target, std::move(stop));
  repository.git({"init", "--quiet"});
  const std::string fetched = fetch(repository, source);
  const std::string commit(
      base::trim(repository.git({"rev-parse", "--verify", fetched + "^{commit}"})));
  check_commit(commit, source.commit);
  check_commit(commit, expected_commit);
  repository.git({"checkout", "--quiet", "--force", "--detach", commit});
  if (source.submodules && target.lstat(".gitmodules")) {
    repository.git({"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"});
  }
  const auto commit_time =
      base::parse_unsigned(base::trim(repository.git({"log", "-1", "--format=%ct", commit})));
  if (keep_git_dir) {
    // Git's index holds times and inodes of this very checkout; a fresh one holds none.
    target.open_dir(".git", base::Resolve::kInRootNoLinks).remove_tree("index");
    repository.git({"read-tree", "HEAD"});
  } else {
    remove_git_dirs(target);
  }
  settle(target, static_cast<std::int64_t>(commit_time.value_or(0)));
}

}  // namespace bld::builder
