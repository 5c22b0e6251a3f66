#include "cmd/build_flags.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/error.h"
#include "tests/support/temp_dir.h"

namespace bld::cmd {
namespace {

using Words = std::vector<std::string>;

class BuildFlagsTest : public testing::Test {
 protected:
  BuildFlagsTest() {
    for (const char* name : {"BUILDAH_LAYERS", "BUILDAH_FORMAT", "SOURCE_DATE_EPOCH",
                             "REGISTRY_AUTH_FILE", "SSH_AUTH_SOCK"}) {
      ::unsetenv(name);
    }
  }

  static builder::BuildRequest parse(const Words& words) {
    BuildFlags build;
    FlagSet flags;
    build.declare(flags);
    return build.request(flags.parse(words, FlagPlacement::kAnywhere));
  }

  static std::string error_of(const Words& words) {
    try {
      parse(words);
    } catch (const base::Error& error) {
      return error.what();
    }
    return "no error";
  }
};

TEST_F(BuildFlagsTest, DefaultsAreBldsOwn) {
  const auto request = parse({});
  EXPECT_EQ(request.context, ".");
  EXPECT_TRUE(request.use_cache);
  EXPECT_TRUE(request.layers);
  EXPECT_EQ(request.jobs, 0U);
  EXPECT_EQ(request.pull, builder::PullPolicy::kMissing);
  EXPECT_TRUE(request.connection.tls_verify);
}

TEST_F(BuildFlagsTest, NamesAreQualified) {
  const auto request = parse({"-t", "app", "--tag=example.com/x:1", "/"});
  ASSERT_EQ(request.tags.size(), 2U);
  EXPECT_EQ(request.tags[0].str(), "localhost/app:latest");
  EXPECT_EQ(request.tags[1].str(), "example.com/x:1");
  EXPECT_EQ(request.context, "/");
}

TEST_F(BuildFlagsTest, PullPoliciesInAllForms) {
  using builder::PullPolicy;
  EXPECT_EQ(parse({"--pull"}).pull, PullPolicy::kNewer);
  EXPECT_EQ(parse({"--pull=always"}).pull, PullPolicy::kAlways);
  EXPECT_EQ(parse({"--pull-always"}).pull, PullPolicy::kAlways);
  EXPECT_EQ(parse({"--pull-never"}).pull, PullPolicy::kNever);
  EXPECT_EQ(parse({"--pull=missing"}).pull, PullPolicy::kMissing);
  EXPECT_EQ(parse({"--pull=false"}).pull, PullPolicy::kMissing);
  EXPECT_EQ(parse({"--pull=never"}).pull, PullPolicy::kNever);
  EXPECT_NE(error_of({"--pull=maybe"}).find("unrecognized pull policy"), std::string::npos);
}

TEST_F(BuildFlagsTest, ArgumentsOfFilesComeFirst) {
  const test::TempDir directory;
  const auto file = directory.write("args", "# comment\nA=file\n\nB=b=c\n");
  const auto request = parse({"--build-arg", "A=flag", "--build-arg-file", file, "--build-arg=C"});
  ASSERT_EQ(request.build_args.size(), 4U);
  EXPECT_EQ(request.build_args[0].value, "file");
  EXPECT_EQ(request.build_args[1].value, "b=c");
  EXPECT_EQ(request.build_args[2].value, "flag");
  EXPECT_EQ(request.build_args[3].value, std::nullopt);
}

TEST_F(BuildFlagsTest, FlagsGoBeforeTheEnvironment) {
  ::setenv("BUILDAH_LAYERS", "false", 1);
  ::setenv("BUILDAH_FORMAT", "docker", 1);
  ::setenv("SOURCE_DATE_EPOCH", "100", 1);
  const auto of_environment = parse({});
  EXPECT_FALSE(of_environment.layers);
  EXPECT_EQ(of_environment.format, builder::ImageFormat::kDocker);
  EXPECT_EQ(of_environment.timestamp, 100);
  const auto of_flags = parse({"--layers", "--format=oci", "--timestamp", "5"});
  EXPECT_TRUE(of_flags.layers);
  EXPECT_EQ(of_flags.format, builder::ImageFormat::kOci);
  EXPECT_EQ(of_flags.timestamp, 5);
}

TEST_F(BuildFlagsTest, WhatTheBaseImageGivesOn) {
  EXPECT_TRUE(parse({}).inherit_labels);
  EXPECT_FALSE(parse({"--inherit-labels=false"}).inherit_labels);
  EXPECT_FALSE(parse({"--inherit-annotations=false"}).inherit_annotations);
  EXPECT_EQ(parse({"--unsetannotation", "a,b"}).unset_annotations, (Words{"a", "b"}));
  EXPECT_EQ(parse({"--os-feature", "a", "--os-feature=b-"}).os_features, (Words{"a", "b-"}));
  EXPECT_EQ(parse({}).created_annotation, std::nullopt);
  EXPECT_EQ(parse({"--created-annotation=false"}).created_annotation, false);
}

TEST_F(BuildFlagsTest, StandardInputIsForOneCommandAtATime) {
  const auto request = parse({"--stdin", "--jobs", "4"});
  EXPECT_TRUE(request.pass_stdin);
  EXPECT_EQ(request.jobs, 1U);
  EXPECT_NE(error_of({"--stdin", "-f", "-"}).find("standard input"), std::string::npos);
}

TEST_F(BuildFlagsTest, PushIsAnOutputOfItsOwnAndNeedsARegistry) {
  const auto request = parse({"--push", "-t", "example.com/x"});
  ASSERT_EQ(request.outputs.size(), 1U);
  EXPECT_EQ(request.outputs[0].kind, builder::OutputKind::kRegistry);
  EXPECT_EQ(parse({"-o", "type=registry,name=example.com/x", "--push"}).outputs.size(), 1U);
  EXPECT_EQ(parse({"-o", "type=image,name=y"}).tags.at(0).str(), "localhost/y:latest");
  EXPECT_NE(error_of({"--push"}).find("needs a name"), std::string::npos);
  EXPECT_NE(error_of({"--push", "-t", "x"}).find("cannot be pushed"), std::string::npos);
}

TEST_F(BuildFlagsTest, RequestsToRegistriesAreRepeatedAsAskedFor) {
  const auto connection = parse({"--retry", "2", "--retry-delay=300ms"}).connection;
  EXPECT_EQ(connection.tries, 3);
  EXPECT_EQ(connection.first_retry_pause, std::chrono::milliseconds(300));
  EXPECT_EQ(parse({"--retry-delay", "4"}).connection.first_retry_pause, std::chrono::seconds(4));
  EXPECT_NE(error_of({"--retry", "often"}).find("no number"), std::string::npos);
}

TEST_F(BuildFlagsTest, AttestationsCanOnlyBeTurnedOff) {
  parse({"--provenance=false", "--sbom=false", "--load"});
  EXPECT_NE(error_of({"--provenance=mode=max"}).find("not supported"), std::string::npos);
  EXPECT_NE(error_of({"--sbom"}).find("not supported"), std::string::npos);
}

TEST_F(BuildFlagsTest, WhatBldDoesAnywayIsAcceptedTheOppositeIsRefused) {
  parse({"--rm", "--force-rm", "--skip-unused-stages", "--rm=true", "--compress", "-D"});
  EXPECT_NE(error_of({"--rm=false"}).find("not supported by bld yet"), std::string::npos);
  EXPECT_NE(error_of({"--attest", "x"}).find("--attest is not supported by bld yet"),
            std::string::npos);
  EXPECT_EQ(parse({"--isolation=chroot"}).commands.network, builder::NetworkChoice::kHost);
  EXPECT_EQ(parse({"--isolation=chroot", "--network=none"}).commands.network,
            builder::NetworkChoice::kNone);
  EXPECT_NE(error_of({"--isolation=hyperv"}).find("rootless"), std::string::npos);
}

TEST_F(BuildFlagsTest, ContextsAndContainerfilesAreTextUntilTheyAreRead) {
  const auto request = parse({"-f", "a,https://h/b", "-f", "-", "--cpp-flag=-DX", "--build-context",
                              "n=docker-image://a=b", "https://example.com/x.git"});
  EXPECT_EQ(request.context, "https://example.com/x.git");
  EXPECT_EQ(request.containerfiles, (std::vector<std::string>{"a", "https://h/b", "-"}));
  EXPECT_EQ(request.cpp_flags, std::vector<std::string>{"-DX"});
  EXPECT_EQ(request.named_contexts.at("n"), "docker-image://a=b");
  EXPECT_NE(error_of({"--build-context", "n="}).find("NAME=VALUE"), std::string::npos);
  EXPECT_NE(error_of({"--build-context", "/dir"}).find("NAME=VALUE"), std::string::npos);
  EXPECT_NE(error_of({"--stdin", "-"}).find("--stdin"), std::string::npos);
}

TEST_F(BuildFlagsTest, CredentialsNeverShowInAnError) {
  EXPECT_EQ(parse({"--creds", "me:pass:word"}).connection.password, "pass:word");
  EXPECT_EQ(error_of({"--creds", "geheim"}).find("geheim"), std::string::npos);
}

TEST_F(BuildFlagsTest, SizesHaveUnits) {
  EXPECT_EQ(parse({"--shm-size", "1g"}).commands.shm_size_bytes, 1ULL << 30);
  EXPECT_EQ(parse({"--shm-size", "512k"}).commands.shm_size_bytes, 512ULL << 10);
  EXPECT_NE(error_of({"--shm-size", "much"}).find("is no size"), std::string::npos);
}

TEST_F(BuildFlagsTest, VolumesHaveAPlaceAndOptions) {
  const auto request = parse({"-v", "/host:/in:ro,z", "--volume=/a:/b"});
  ASSERT_EQ(request.commands.volumes.size(), 2U);
  EXPECT_EQ(request.commands.volumes[0].host, "/host");
  EXPECT_EQ(request.commands.volumes[0].container, "/in");
  EXPECT_TRUE(request.commands.volumes[0].read_only);
  EXPECT_FALSE(request.commands.volumes[1].read_only);
  EXPECT_NE(error_of({"-v", "/a:/b:nonsense"}).find("nonsense"), std::string::npos);
  EXPECT_NE(error_of({"-v", "/a"}).find("incorrect volume format"), std::string::npos);
}

TEST_F(BuildFlagsTest, SecretsComeFromFilesOrVariables) {
  ::unsetenv("token");
  EXPECT_EQ(parse_secret("id=token,src=/f").file, "/f");
  EXPECT_EQ(parse_secret("id=token,\"src=/a,b\"").file, "/a,b");
  EXPECT_EQ(parse_secret("id=token,env=VAR").variable, "VAR");
  EXPECT_EQ(parse_secret("id=token,type=env,src=VAR").variable, "VAR");
  EXPECT_EQ(parse_secret("id=token").file.filename(), "token");
  ::setenv("token", "x", 1);
  EXPECT_EQ(parse_secret("id=token").variable, "token");
  EXPECT_THROW(parse_secret("src=/f"), base::Error);
  EXPECT_THROW(parse_secret("id=a,foo=b"), base::Error);
  EXPECT_THROW(parse_secret("id=a,id=b"), base::Error);
}

TEST_F(BuildFlagsTest, PlatformsComeInTheOrderGiven) {
  EXPECT_EQ(parse({"--platform", "linux/arm64"}).platform->str(), "linux/arm64");
  EXPECT_EQ(parse({"--arch", "arm64"}).platform->architecture, "arm64");
  EXPECT_EQ(parse({"--platform", "linux/arm64,linux/amd64"}).platform->str(), "linux/arm64");
  EXPECT_THROW(parse({"--platform=linux/arm64", "--os", "linux"}), base::Error);
  EXPECT_THROW(parse({"--platform=linux/arm64", "--all-platforms"}), base::Error);
  EXPECT_THROW(parse({"--manifest", "l", "-t", "localhost/l:latest"}), base::Error);
}

TEST_F(BuildFlagsTest, ATagMayBeAPlaceWithItsTransport) {
  const auto request =
      parse({"-t", "oci:/layout:x", "-t", "app:1", "-t", "containers-storage:other"});
  ASSERT_EQ(request.outputs.size(), 1U);
  EXPECT_EQ(request.outputs[0].kind, builder::OutputKind::kLocation);
  EXPECT_EQ(request.outputs[0].location.str(), "oci:/layout:x");
  ASSERT_EQ(request.tags.size(), 2U);
  EXPECT_EQ(request.tags[1].str(), "localhost/other:latest");
  EXPECT_THROW(parse({"-t", "sif:/x"}), base::Error);
}

TEST_F(BuildFlagsTest, WhatIsNotToBeLayeredIsNotToBeFoundAgain) {
  EXPECT_TRUE(parse({}).use_cache);
  EXPECT_TRUE(parse({"--squash"}).use_cache);
  EXPECT_FALSE(parse({"--layers=false"}).use_cache);
  EXPECT_FALSE(parse({"--cache-ttl=0"}).use_cache);
  const auto request = parse({"--cache-ttl", "24h"});
  EXPECT_TRUE(request.use_cache);
  const auto age = std::chrono::system_clock::now() - request.cache_since.value();
  EXPECT_LT(age - std::chrono::hours(24), std::chrono::minutes(1));
  EXPECT_THROW(parse({"--cache-ttl", "old"}), base::Error);
}

}  // namespace
}  // namespace bld::cmd
