#include "registry/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "tests/registry/fixture.h"

namespace bld::registry {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  std::string user_for(const std::string& name, const ConnectionOptions& options = {}) {
    const auto found = find_credentials(image::Reference::parse(name), options);
    return found ? found->user + ":" + found->password : "";
  }

  std::string entry(const std::string& key, const std::string& user) {
    return "\"" + key + "\":{\"auth\":\"" + encode_base64(user + ":secret") + "\"}";
  }

  std::string auths(const std::string& entries) { return "{\"auths\":{" + entries + "}}"; }

  const test::TempDir& home() { return surroundings_.home(); }

 private:
  test::Surroundings surroundings_;
};

TEST_F(CredentialsTest, Base64RoundTrip) {
  for (const char* text : {"", "a", "ab", "abc", "user:p\xc3\xa4ss"}) {
    EXPECT_EQ(decode_base64(encode_base64(text)), text);
  }
  EXPECT_EQ(encode_base64("user:pass"), "dXNlcjpwYXNz");
  EXPECT_FALSE(decode_base64("a*b"));
}

TEST_F(CredentialsTest, LongestPathWins) {
  home().write(".config/containers/auth.json",
               auths(entry("r.example", "host") + "," + entry("r.example/team", "team") + "," +
                     entry("r.example/team/app", "app")));
  EXPECT_EQ(user_for("r.example/other/x"), "host:secret");
  EXPECT_EQ(user_for("r.example/team/x"), "team:secret");
  EXPECT_EQ(user_for("r.example/team/app:1"), "app:secret");
  EXPECT_EQ(user_for("r.example/teams/x"), "host:secret");
  EXPECT_EQ(user_for("r.example.org/team/x"), "");
}

TEST_F(CredentialsTest, DockerHubHasManyNames) {
  home().write(".docker/config.json", auths(entry("https://index.docker.io/v1/", "me")));
  EXPECT_EQ(user_for("alpine"), "me:secret");
  EXPECT_EQ(user_for("docker.io/x/y"), "me:secret");
}

TEST_F(CredentialsTest, FirstFileWithAMatch) {
  home().write(".config/containers/auth.json", auths(entry("other.example", "a")));
  home().write(".docker/config.json", auths(entry("r.example", "docker")));
  home().write(".dockercfg", "{" + entry("r.example", "old") + "}");
  EXPECT_EQ(user_for("r.example/x"), "docker:secret");
}

TEST_F(CredentialsTest, NamedFileIsAlone) {
  home().write(".docker/config.json", auths(entry("r.example", "docker")));
  ConnectionOptions options;
  options.auth_file = home().write("mine.json", auths(""));
  EXPECT_EQ(user_for("r.example/x", options), "");
  options.auth_file = home() / "missing.json";
  EXPECT_THROW(user_for("r.example/x", options), base::Error);
}

TEST_F(CredentialsTest, CommandLineGoesFirst) {
  home().write(".docker/config.json", auths(entry("r.example", "docker")));
  ConnectionOptions options;
  options.user = "cli";
  options.password = "x";
  EXPECT_EQ(user_for("r.example/x", options), "cli:x");
}

TEST_F(CredentialsTest, HandedByCi) {
  ::setenv("DOCKER_AUTH_CONFIG", auths(entry("r.example", "ci")).c_str(), 1);
  EXPECT_EQ(user_for("r.example/x"), "ci:secret");
  ::unsetenv("DOCKER_AUTH_CONFIG");
}

TEST_F(CredentialsTest, AsksHelpers) {
  const auto helper = home().write("bin/docker-credential-test",
                                   "#!/bin/sh\nread server\ncase $1-$server in\n"
                                   "get-r.example) echo '{\"Username\":\"h\",\"Secret\":\"s\"}';;\n"
                                   "*) echo 'credentials not found in native keychain'; exit 1;;\n"
                                   "esac\n");
  ::chmod(helper.c_str(), 0755);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (helper.parent_path().string() + ":" + path).c_str(), 1);
  home().write(".docker/config.json", R"({"credHelpers":{"r.example":"test","q.example":"test"}})");
  EXPECT_EQ(user_for("r.example/x"), "h:s");
  EXPECT_EQ(user_for("q.example/x"), "");
  ::setenv("PATH", path.c_str(), 1);
}

TEST_F(CredentialsTest, HelperIsNoPath) {
  home().write(".docker/config.json", R"({"credsStore":"../../bin/sh"})");
  EXPECT_THROW(user_for("r.example/x"), base::Error);
}

TEST_F(CredentialsTest, DamagedFileIsNamed) {
  home().write(".docker/config.json", "{\"auths\":");
  const std::string error = test::error_of([&] { user_for("r.example/x"); });
  EXPECT_NE(error.find(".docker/config.json"), std::string::npos) << error;
}

}  // namespace
}  // namespace bld::registry
