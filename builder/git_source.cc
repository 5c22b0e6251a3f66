#include "builder/git_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/copy_selection.h"
#include "builder/url_text.h"
#include "registry/certificates.h"
#include "registry/credentials.h"
#include "registry/url.h"

namespace bld::builder {

namespace {

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_full_commit(std::string_view text) {
  return is_hex(text) && (text.size() == 40 || text.size() == 64);
}

// "USER@HOST:PATH", as ssh and scp write it; a host that begins with '-' would be an option.
bool is_scp_form(std::string_view url) {
  const std::size_t at = url.find('@');
  const std::size_t colon = url.find(':');
  if (at == std::string_view::npos || at == 0 || colon == std::string_view::npos ||
      colon < at + 2) {
    return false;
  }
  const auto made_of = [](std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
      return std::isalnum(c) != 0 || more.find(static_cast<char>(c)) != std::string_view::npos;
    });
  };
  const std::string_view user = url.substr(0, at);
  const std::string_view host = url.substr(at + 1, colon - at - 1);
  return made_of(user, "-_.") && made_of(host, "-.") && user[0] != '-' && host[0] != '-' &&
         !url.substr(colon).starts_with("://");
}

// The protocol as GIT_ALLOW_PROTOCOL names it; empty if the text is no git source.
std::string protocol_of(std::string_view url) {
  for (const char* protocol : {"git", "ssh"}) {
    if (url.starts_with(std::string(protocol) + "://")) return protocol;
  }
  for (const char* protocol : {"http", "https"}) {
    if (url.starts_with(std::string(protocol) + "://") && url.ends_with(".git")) return protocol;
  }
  return is_scp_form(url) ? "ssh" : "";
}

// What a repository's submodules may be fetched by: nothing that its own address did not trust.
// Files of this machine are never among them.
std::string allowed_protocols(const std::string& protocol) {
  return protocol == "https" ? protocol : protocol + ":https";
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
          .hint(
              "known are ref, branch, tag, commit, checksum, subdir, submodules and keep-git-dir");
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

struct KnownFailure {
  std::string_view words, hint;
};

// What git and ssh say, and what it means to whoever builds.
constexpr std::array<KnownFailure, 9> kKnownFailures = {{
    {"Permission denied (",
     "ssh has no key that the server takes: bld offers those of your agent "
     "(SSH_AUTH_SOCK) and no others"},
    {"Host key verification failed",
     "the server's key is not in ~/.ssh/known_hosts: connect to it "
     "by ssh once"},
    {"cannot run ssh", "ssh is not installed; Debian's package is called openssh-client"},
    {"could not read Username",
     "there is no such repository, or it wants credentials: "
     "https://USER:TOKEN@HOST/…, or ssh and an agent"},
    {"Authentication failed", "the server does not take these credentials"},
    {"couldn't find remote ref", "the repository has no such branch, tag or commit"},
    {"not our ref", "the repository has no such commit"},
    {"SSL certificate problem", "--cert-dir names a directory with the server's authority"},
    {"transport 'file' not allowed",
     "a submodule lies on a disk: those of other machines mean "
     "nothing here"},
}};

// One repository on disk and the runs of git in it.
class Repository {
 public:
  Repository(const GitSource& source, const GitOptions& options, const base::RootedDir& target,
             std::stop_token stop)
      : source_(source),
        options_(options),
        target_(target),
        stop_(std::move(stop)),
        split_(split_userinfo(source.url)) {
    if (protocol_of(source.url) == "ssh" || protocol_of(source.url) == "git") {
      split_ = {source.url, "", ""};  // the user is part of the address, and there is no password
    }
    if (base::find_program("git").empty()) {
      throw base::Error("{}: git is not installed", shown()).hint("Debian's package is called git");
    }
  }

  const std::string& url() const { return split_.url; }

  enum class Reach { kLocal, kNetwork };

  // Standard output; nothing if git failed, whose words are in `error_`.
  std::optional<std::string> try_git(const std::vector<std::string>& args,
                                     Reach reach = Reach::kLocal) {
    if (stop_.stop_requested()) throw base::Error("canceled");
    base::ProcessOptions options;
    options.args = {"git"};
    for (const std::string& setting : settings()) {
      options.args.insert(options.args.end(), {"-c", setting});
    }
    options.args.insert(options.args.end(), args.begin(), args.end());
    options.env = environment();
    options.inherit_env = false;
    // Still ours in the child when it changes there: descriptors are closed by the exec.
    options.directory = "/proc/self/fd/" + std::to_string(target_.fd());
    options.stop = stop_;
    // It tells its progress several times a second.
    if (reach == Reach::kNetwork) options.silence = options_.access.silence + kGrace;
    const base::ProcessResult result = base::run_process(options);
    if (result.exit_status == 0) return result.output;
    error_ = result.was_silent ? "the server says nothing" : result.error_output;
    return std::nullopt;
  }

  std::string git(const std::vector<std::string>& args, Reach reach = Reach::kLocal) {
    if (auto output = try_git(args, reach)) return std::move(*output);
    throw failure("git " + args.front());
  }

  bool said(std::string_view words) const { return error_.find(words) != std::string::npos; }

  base::Error failure(std::string_view what) const {
    base::Error error("{} of {}: {}", what, shown(), summary());
    for (const KnownFailure& known : kKnownFailures) {
      if (!said(known.words)) continue;
      error.hint(std::string(known.hint));
      break;
    }
    return error;
  }

  // So that git trusts the authorities of --cert-dir.
  void place_certificates() {
    if (options_.access.connection.cert_dir.empty() || protocol_of(source_.url) != "https") return;
    const auto certificates = registry::find_certificates(
        options_.access.connection.cert_dir, registry::Url::parse(split_.url).host_and_port());
    if (certificates.authorities.empty()) return;
    const base::UniqueFd file = target_.open_at(kAuthorities, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    base::write_all(file.get(), base::as_bytes(certificates.authorities));
    has_authorities_ = true;
  }

  void remove_certificates() const {
    if (has_authorities_) target_.open_dir(".git").remove_tree("bld-authorities.pem");
  }

 private:
  static constexpr std::chrono::seconds kGrace{5};  // so that git's own limit comes first
  static constexpr const char* kAuthorities = ".git/bld-authorities.pem";

  std::string shown() const { return without_userinfo(source_.url); }

  // The lines that tell what went wrong, without git's advice and its progress.
  std::string summary() const {
    std::vector<std::string> kept;
    for (const std::string& raw : base::split(error_, '\n')) {
      const std::string_view line = base::trim(std::string_view(raw).substr(raw.rfind('\r') + 1));
      const bool is_told = line.starts_with("fatal: ") || line.starts_with("error: ") ||
                           line.starts_with("remote: ") || line.starts_with("ssh: ") ||
                           line.find("Permission denied") != std::string_view::npos ||
                           line.find("verification failed") != std::string_view::npos ||
                           line.starts_with("the server ");
      const bool is_noise = line.find("objects:") != std::string_view::npos ||
                            line.find("Could not read from remote") != std::string_view::npos ||
                            line.starts_with("remote: Total");
      if (is_told && !is_noise && kept.size() < 3) kept.push_back(base::printable(line));
    }
    const std::string text = base::join(kept, "; ").substr(0, 600);
    if (!text.empty()) return text;
    const std::vector<std::string> lines = base::split(base::trim(error_), '\n');
    return lines.front().empty() ? "failed" : base::printable(lines.front()).substr(0, 600);
  }

  std::vector<std::string> settings() const {
    const std::string seconds = std::to_string(options_.access.silence.count());
    std::vector<std::string> settings = {"core.hooksPath=/dev/null",
                                         "core.fsmonitor=false",
                                         "core.autocrlf=false",
                                         "core.symlinks=true",
                                         "core.logAllRefUpdates=false",
                                         "init.templateDir=",
                                         "init.defaultBranch=main",
                                         "advice.detachedHead=false",
                                         "gc.auto=0",
                                         "maintenance.auto=false",
                                         "credential.helper=",
                                         "protocol.file.allow=never",
                                         "protocol.ext.allow=never",
                                         "safe.directory=*",
                                         "http.lowSpeedLimit=1",
                                         "http.lowSpeedTime=" + seconds,
                                         "remote.origin.url=" + split_.url};
    if (!options_.access.connection.tls_verify) settings.emplace_back("http.sslVerify=false");
    if (has_authorities_) settings.emplace_back(std::string("http.sslCAInfo=") + authorities());
    return settings;
  }

  // By its path: submodules are cloned from other directories.
  std::string authorities() const {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(target_.fd())) /
           kAuthorities;
  }

  // The user's known hosts, and nothing else of the user's or the machine's configuration.
  static std::string ssh_command() {
    std::string command = "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=15";
    const char* home = std::getenv("HOME");
    const std::string path = home != nullptr ? home : "";
    if (!path.empty() && path.find_first_of("'\"\\%") == std::string::npos) {
      command += " -o 'UserKnownHostsFile=\"" + path + "/.ssh/known_hosts\"'";
    }
    return command;
  }

  std::vector<std::string> environment() const {
    std::vector<std::string> env = {"GIT_CONFIG_NOSYSTEM=1",
                                    "GIT_CONFIG_GLOBAL=/dev/null",
                                    "GIT_ATTR_NOSYSTEM=1",
                                    "GIT_TERMINAL_PROMPT=0",
                                    "GIT_ASKPASS=/bin/false",
                                    "SSH_ASKPASS=/bin/false",
                                    "GIT_SSH_COMMAND=" + ssh_command(),
                                    "GIT_LFS_SKIP_SMUDGE=1",
                                    "HOME=/nonexistent",
                                    "LC_ALL=C"};
    env.push_back("GIT_ALLOW_PROTOCOL=" + allowed_protocols(protocol_of(source_.url)));
    // Not among the arguments, which every user of the machine can read.
    if (!split_.user.empty() || !split_.password.empty()) {
      env.emplace_back("GIT_CONFIG_COUNT=1");
      env.push_back("GIT_CONFIG_KEY_0=http." + registry::Url::parse(split_.url).origin() +
                    "/.extraHeader");
      env.push_back("GIT_CONFIG_VALUE_0=Authorization: Basic " +
                    registry::encode_base64(split_.user + ":" + split_.password));
    }
    // How this machine reaches the network is its owner's to say.
    for (const char* name :
         {"PATH", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
          "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK"}) {
      if (const char* value = std::getenv(name)) env.push_back(std::string(name) + "=" + value);
    }
    return env;
  }

  const GitSource& source_;
  const GitOptions& options_;
  const base::RootedDir& target_;
  std::stop_token stop_;
  SplitUrl split_;
  bool has_authorities_ = false;
  std::string error_;
};

// Not every server gives single commits or shallow histories: then all of it is fetched.
// Returns what to check out.
std::string fetch(Repository& repository, const GitSource& source) {
  using Reach = Repository::Reach;
  const std::string wanted = !source.ref.empty()             ? source.ref
                             : is_full_commit(source.commit) ? source.commit
                                                             : "HEAD";
  const std::vector<std::string> common = {"fetch", "--progress", "--no-tags",
                                           "--no-recurse-submodules"};
  auto shallow = common;
  shallow.insert(shallow.end(), {"--depth=1", "--", repository.url(), wanted});
  if (repository.try_git(shallow, Reach::kNetwork)) return "FETCH_HEAD";
  base::Error failed = repository.failure("git fetch");
  if (!is_hex(wanted) && !repository.said("shallow")) throw failed;
  auto deep = common;
  deep.insert(deep.end(), {"--", repository.url(), wanted});
  if (repository.try_git(deep, Reach::kNetwork)) return "FETCH_HEAD";
  failed = repository.failure("git fetch");
  auto all = common;
  all.insert(all.end(), {"--", repository.url(), "+refs/heads/*:refs/fetched/heads/*",
                         "+refs/tags/*:refs/fetched/tags/*"});
  if (!is_hex(wanted) || !repository.try_git(all, Reach::kNetwork)) throw failed;
  return wanted;
}

// As shallow as each submodule's server allows.
void fetch_submodules(Repository& repository) {
  const std::vector<std::string> update = {"submodule", "update", "--progress", "--init",
                                           "--recursive"};
  auto shallow = update;
  shallow.emplace_back("--depth=1");
  if (repository.try_git(shallow, Repository::Reach::kNetwork)) return;
  if (!repository.said("shallow")) throw repository.failure("git submodule update");
  repository.git(update, Repository::Reach::kNetwork);
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

std::optional<GitSource> GitSource::parse_context(std::string_view text) {
  if (!text.starts_with("github.com/")) return parse(text);
  const std::size_t end = std::min(text.find_first_of("?#"), text.size());
  std::string url = "https://" + std::string(text.substr(0, end));
  if (!url.ends_with(".git")) url += ".git";
  return parse(url.append(text.substr(end)));
}

void fetch_git(const GitSource& source, const GitOptions& options, const base::RootedDir& target,
               std::stop_token stop) {
  Repository repository(source, options, target, std::move(stop));
  repository.git({"init", "--quiet"});
  repository.place_certificates();
  const std::string fetched = fetch(repository, source);
  const std::string commit(
      base::trim(repository.git({"rev-parse", "--verify", fetched + "^{commit}"})));
  check_commit(commit, source.commit);
  check_commit(commit, options.expected_commit);
  repository.git({"checkout", "--quiet", "--force", "--detach", commit});
  if (source.submodules && target.lstat(".gitmodules")) fetch_submodules(repository);
  repository.remove_certificates();
  const auto commit_time =
      base::parse_unsigned(base::trim(repository.git({"log", "-1", "--format=%ct", commit})));
  if (options.keep_git_dir) {
    // Git's index holds times and inodes of this very checkout; a fresh one holds none.
    target.open_dir(".git", base::Resolve::kInRootNoLinks).remove_tree("index");
    repository.git({"read-tree", "HEAD"});
  } else {
    remove_git_dirs(target);
  }
  settle(target, static_cast<std::int64_t>(commit_time.value_or(0)));
}

}  // namespace bld::builder
