#include "builder/git_source.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/file_io.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/add_remote.h"
#include "builder/url_text.h"
#include "tests/support/temp_dir.h"

namespace bld::builder {
namespace {

TEST(UrlText, FileNamesAreUnescapedAndOneComponent) {
  EXPECT_EQ(file_name_of_url("http://h/a/file%20x.txt?q=/y#f"), "file x.txt");
  EXPECT_EQ(file_name_of_url("http://h/a/"), "");
  EXPECT_EQ(file_name_of_url("http://h"), "");
  EXPECT_EQ(file_name_of_url("http://h/a/%2e%2e"), "");
  EXPECT_EQ(file_name_of_url("http://h/a%2fb"), "");
  EXPECT_EQ(file_name_of_url("http://h/a%00b"), "");
  EXPECT_EQ(unescape_url("100%"), "100%");
}

TEST(UrlText, MessagesHideUserAndPassword) {
  EXPECT_EQ(without_userinfo("https://me:pw@h/x@y"), "https://h/x@y");
  EXPECT_EQ(without_userinfo("https://h/x@y"), "https://h/x@y");
}

TEST(GitSourceParse, KnowsRepositoriesFromFiles) {
  for (const char* text : {"https://h/r.git", "http://h/r.git#v1", "git://h/r", "ssh://git@h/r",
                           "git@h:r", "me@h:r", "https://h/r.git?branch=b"}) {
    EXPECT_TRUE(GitSource::parse(text).has_value()) << text;
  }
  for (const char* text : {"https://h/r", "https://h/r.git/x", "ftp://h/r.git", "r.git", "-a@b:c",
                           "a@-b:c", "file:///r.git", "ext::sh -c x.git"}) {
    EXPECT_FALSE(GitSource::parse(text).has_value()) << text;
  }
}

TEST(GitSourceParse, FragmentsAndQueries) {
  const auto fragment = GitSource::parse("https://h/r.git#v1:docs/x");
  EXPECT_EQ(fragment->url, "https://h/r.git");
  EXPECT_EQ(fragment->ref, "v1");
  EXPECT_EQ(fragment->subdir, "docs/x");
  EXPECT_EQ(GitSource::parse("https://h/r.git#:docs")->ref, "");
  const auto query = GitSource::parse(
      "https://h/r.git?branch=a%2Fb&subdir=d&submodules=false&keep-git-dir=true&commit=0123abc");
  EXPECT_EQ(query->ref, "refs/heads/a/b");
  EXPECT_EQ(query->subdir, "d");
  EXPECT_FALSE(query->submodules);
  EXPECT_EQ(query->keep_git_dir, true);
  EXPECT_EQ(query->commit, "0123abc");
  EXPECT_THROW(GitSource::parse("https://h/r.git?what=x"), base::Error);
}

TEST(GitSourceParse, RefsThatGitWouldTakeForSomethingElseAreErrors) {
  for (const char* ref : {"--upload-pack=x", "a..b", "+a", "a:b?", "a b", "*", "a^{tree}"}) {
    EXPECT_THROW(GitSource::parse(std::string("https://h/r.git?ref=") + ref), base::Error) << ref;
  }
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<struct sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<struct sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

bool accepts(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool connected =
      ::connect(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

// A repository with two commits, a tag and a branch, served by git's own daemon.
class GitFetch : public ::testing::Test {
 protected:
  void SetUp() override {
    if (base::find_program("git").empty()) GTEST_SKIP() << "no git here";
    dir.write("repo/f", "one\n");
    dir.write("repo/docs/d", "d\n");
    dir.write("repo/run", "#!/bin/sh\n");
    std::filesystem::permissions(dir / "repo/run", std::filesystem::perms(0755));
    std::filesystem::create_symlink("f", dir / "repo/l");
    git({"init", "-q", "-b", "main"});
    git({"add", "."});
    git({"commit", "-qm", "1"});
    git({"tag", "v1"});
    git({"checkout", "-qb", "side"});
    dir.write("repo/s", "side\n");
    git({"add", "."});
    git({"commit", "-qm", "2"});
    git({"checkout", "-q", "main"});
    dir.write("repo/f", "two\n");
    git({"commit", "-qam", "3"});
    serve();
  }

  void TearDown() override {
    if (daemon_ > 0) {
      ::kill(-daemon_, SIGKILL);
      ::waitpid(daemon_, nullptr, 0);
    }
  }

  std::string git(std::vector<std::string> args) {
    base::ProcessOptions options;
    options.args = {"git", "-c", "user.name=a", "-c", "user.email=a@example.com"};
    options.args.insert(options.args.end(), args.begin(), args.end());
    options.env = {"GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_DATE=1704164645 +0000",
                   "GIT_COMMITTER_DATE=1704164645 +0000"};
    options.directory = (dir / "repo").string();
    const base::ProcessResult result = base::run_process(options);
    EXPECT_EQ(result.exit_status, 0) << result.error_output;
    return std::string(base::trim(result.output));
  }

  void serve() {
    port_ = free_port();
    const std::string port = "--port=" + std::to_string(port_);
    const std::string base_path = "--base-path=" + dir.path().string();
    daemon_ = ::fork();
    if (daemon_ == 0) {
      ::setpgid(0, 0);
      ::execlp("git", "git", "-c", "safe.directory=*", "daemon", "--listen=127.0.0.1", port.c_str(),
               base_path.c_str(), "--export-all", "--reuseaddr", dir.path().c_str(), nullptr);
      ::_exit(127);
    }
    ::setpgid(daemon_, daemon_);
    for (int i = 0; i < 500 && !accepts(port_); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  std::string url() const { return "git://127.0.0.1:" + std::to_string(port_) + "/repo"; }

  FetchedSource fetch(const std::string& rest, const RemoteOptions& options = {}) {
    const std::string name = "scratch" + std::to_string(scratches_++);
    std::filesystem::create_directory(dir / name);
    const base::RootedDir scratch = base::RootedDir::open(dir / name);
    return fetch_remote(url() + rest, options, scratch, {});
  }

  std::string text(const FetchedSource& source, const std::string& name) {
    return base::read_fd(source.root->open_regular(source.path + "/" + name).get(), 1000);
  }

  test::TempDir dir;
  int port_ = 0, scratches_ = 0;
  pid_t daemon_ = -1;
};

TEST_F(GitFetch, TheHeadIsCheckedOutWithoutItsGitFolder) {
  const FetchedSource source = fetch("");
  EXPECT_EQ(source.root->names(), (std::vector<std::string>{"docs", "f", "l", "run"}));
  EXPECT_EQ(text(source, "f"), "two\n");
  EXPECT_EQ(source.root->lstat("f")->st_mode & 07777, 0644U);
  EXPECT_EQ(source.root->lstat("run")->st_mode & 07777, 0755U);
  EXPECT_EQ(source.root->lstat("docs")->st_mode & 07777, 0755U);
  for (const char* name : {"f", "l", "docs"}) {
    EXPECT_EQ(source.root->lstat(name)->st_mtim.tv_sec, 1704164645) << name;
  }
}

TEST_F(GitFetch, TagsBranchesCommitsAndFolders) {
  EXPECT_EQ(text(fetch("#v1"), "f"), "one\n");
  EXPECT_EQ(text(fetch("#side"), "s"), "side\n");
  EXPECT_EQ(text(fetch("?tag=v1"), "f"), "one\n");
  EXPECT_EQ(text(fetch("#v1:docs"), "d"), "d\n");
  EXPECT_EQ(text(fetch("#" + git({"rev-parse", "v1"})), "f"), "one\n");
  EXPECT_THROW(fetch("#nosuchref"), base::Error);
  EXPECT_THROW(fetch("#v1:nosuchfolder"), base::Error);
  EXPECT_THROW(fetch("#v1:f"), base::Error);
}

TEST_F(GitFetch, TheChecksumIsTheCommit) {
  const std::string commit = git({"rev-parse", "v1"});
  EXPECT_EQ(text(fetch("#v1", {.checksum = commit}), "f"), "one\n");
  EXPECT_EQ(text(fetch("#v1", {.checksum = commit.substr(0, 8)}), "f"), "one\n");
  EXPECT_THROW(fetch("#main", {.checksum = commit}), base::Error);
  EXPECT_THROW(fetch("#v1", {.checksum = commit.substr(0, 4)}), base::Error);
}

TEST_F(GitFetch, AKeptGitFolderIsTheSameEachTime) {
  const auto index = [&](const FetchedSource& source) { return text(source, ".git/index"); };
  const FetchedSource first = fetch("", {.keep_git_dir = true});
  EXPECT_EQ(text(first, ".git/HEAD"), git({"rev-parse", "main"}) + "\n");
  EXPECT_EQ(index(first), index(fetch("?keep-git-dir=1")));
}

TEST_F(GitFetch, ARepositorysLinksDoNotLeadOutOfIt) {
  std::filesystem::create_symlink("/etc", dir / "repo/out");
  git({"add", "."});
  git({"commit", "-qm", "4"});
  EXPECT_THROW(fetch("#main:out"), base::Error);
}

TEST_F(GitFetch, AnUnreachableServerIsNamed) {
  test::TempDir scratch;
  try {
    fetch_remote("git://127.0.0.1:1/r", {}, base::RootedDir::open(scratch.path()), {});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("git://127.0.0.1:1/r"), std::string::npos);
  }
}

}  // namespace
}  // namespace bld::builder
