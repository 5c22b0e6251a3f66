#include "registry/registries_conf.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/toml.h"

namespace bld::registry {

namespace {

using Texts = std::vector<std::string>;

RegistriesConf conf(const std::string& text) {
  RegistriesConf conf;
  conf.add(base::parse_toml(text, "registries.conf"), "registries.conf");
  return conf;
}

Texts candidates(const RegistriesConf& conf, const std::string& name) {
  Texts texts;
  for (const image::Reference& reference : conf.candidates(name)) texts.push_back(reference.str());
  return texts;
}

Texts endpoints(const RegistriesConf& conf, const std::string& name) {
  Texts texts;
  for (const RegistryEndpoint& endpoint : conf.pull_endpoints(image::Reference::parse(name))) {
    texts.push_back(endpoint.reference.str() + (endpoint.insecure ? " insecure" : ""));
  }
  return texts;
}

std::string error_of(const std::string& text) {
  try {
    conf(text);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

TEST(RegistriesConf, ShortNamesAreDockersWithoutAFile) {
  EXPECT_EQ(candidates(conf(""), "alpine"), (Texts{"docker.io/library/alpine:latest"}));
  EXPECT_EQ(candidates(conf(""), "a/b:1"), (Texts{"docker.io/a/b:1"}));
}

TEST(RegistriesConf, ShortNamesAreLookedForInOrder) {
  const auto file = conf(R"(unqualified-search-registries = ["quay.io", "docker.io"])");
  EXPECT_EQ(candidates(file, "alpine:3"),
            (Texts{"quay.io/alpine:3", "docker.io/library/alpine:3"}));
  EXPECT_EQ(candidates(file, "r.example/alpine"), (Texts{"r.example/alpine:latest"}));
  EXPECT_EQ(candidates(file, "localhost:5000/a"), (Texts{"localhost:5000/a:latest"}));
}

TEST(RegistriesConf, AliasesGoFirstAndCanBeTakenAway) {
  const std::string text = "[aliases]\n\"fedora\" = \"registry.fedoraproject.org/fedora\"\n";
  EXPECT_EQ(candidates(conf(text), "fedora:40"), (Texts{"registry.fedoraproject.org/fedora:40"}));
  RegistriesConf both = conf(text);
  both.add(base::parse_toml("aliases.fedora = \"\"", "b"), "b");
  EXPECT_EQ(candidates(both, "fedora"), (Texts{"docker.io/library/fedora:latest"}));
}

TEST(RegistriesConf, MirrorsComeBeforeTheRegistry) {
  const auto file = conf(R"(
    [[registry]]
    prefix = "docker.io"
    location = "registry-1.docker.io"
    [[registry.mirror]]
    location = "mirror.example:5000/hub"
    insecure = true
    [[registry.mirror]]
    location = "digests.example"
    pull-from-mirror = "digest-only"
  )");
  EXPECT_EQ(endpoints(file, "docker.io/library/alpine:3"),
            (Texts{"mirror.example:5000/hub/library/alpine:3 insecure",
                   "registry-1.docker.io/library/alpine:3"}));
  const std::string digest = "@sha256:" + std::string(64, 'a');
  EXPECT_EQ(endpoints(file, "docker.io/library/alpine" + digest)[1],
            "digests.example/library/alpine" + digest);
  EXPECT_EQ(endpoints(file, "quay.io/a:1"), (Texts{"quay.io/a:1"}));
  EXPECT_EQ(file.push_endpoint(image::Reference::parse("docker.io/a/b:1")).reference.str(),
            "registry-1.docker.io/a/b:1");
}

TEST(RegistriesConf, TheLongestPrefixWins) {
  const auto file = conf(R"(
    [[registry]]
    location = "r.example"
    insecure = true
    [[registry]]
    location = "r.example/safe"
    [[registry]]
    prefix = "*.corp.example"
    location = "proxy.example"
  )");
  EXPECT_EQ(endpoints(file, "r.example/a:1"), (Texts{"r.example/a:1 insecure"}));
  EXPECT_EQ(endpoints(file, "r.example/safe/a:1"), (Texts{"r.example/safe/a:1"}));
  EXPECT_EQ(endpoints(file, "r.example/safer:1"), (Texts{"r.example/safer:1 insecure"}));
  EXPECT_EQ(endpoints(file, "x.corp.example/team/a:1"), (Texts{"proxy.example/team/a:1"}));
}

TEST(RegistriesConf, BlockedRegistriesAreErrors) {
  const auto file = conf("[[registry]]\nlocation = \"evil.example\"\nblocked = true\n");
  EXPECT_THROW(endpoints(file, "evil.example/a"), base::Error);
  EXPECT_THROW(file.push_endpoint(image::Reference::parse("evil.example/a")), base::Error);
  EXPECT_EQ(endpoints(file, "evil.example.org/a").size(), 1U);
}

TEST(RegistriesConf, Version1IsRead) {
  const auto file = conf(
      "[registries.search]\nregistries = ['a.example']\n[registries.insecure]\n"
      "registries = ['a.example']\n[registries.block]\nregistries = ['docker.io']\n");
  EXPECT_EQ(candidates(file, "x"), (Texts{"a.example/x:latest"}));
  EXPECT_EQ(endpoints(file, "a.example/x:1"), (Texts{"a.example/x:1 insecure"}));
  EXPECT_THROW(endpoints(file, "docker.io/x"), base::Error);
}

TEST(RegistriesConf, ErrorsSayWhere) {
  EXPECT_NE(error_of("a = \n").find("registries.conf:1:"), std::string::npos);
  EXPECT_NE(error_of("[[registry]]\n").find("neither prefix nor location"), std::string::npos);
  EXPECT_NE(error_of("unqualified-search-registries = 3\n").find("unqualified-search-registries"),
            std::string::npos);
  EXPECT_NE(error_of("[[registry]]\nlocation='a'\n[[registry.mirror]]\nlocation='b'\n"
                     "pull-from-mirror='never'\n")
                .find("pull-from-mirror"),
            std::string::npos);
}

}  // namespace

}  // namespace bld::registry
