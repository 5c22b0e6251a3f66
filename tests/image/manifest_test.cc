// Manifests and indexes: strict when read, the same bytes when written.
#include "image/manifest.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace bld::image {
namespace {

std::string sha(char digit) { return "sha256:" + std::string(64, digit); }

Descriptor descriptor(MediaType type, char digit, std::uint64_t size) {
  Descriptor result;
  result.media_type = type;
  result.digest = Digest::parse(sha(digit));
  result.size = size;
  return result;
}

std::string config_text(const std::string& members = "") {
  return R"({"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + sha('c') +
         R"(","size":7)" + members + "}";
}

Descriptor for_platform(char digit, const char* os, const char* arch, const char* variant = "") {
  Descriptor result = descriptor(MediaType::kOciManifest, digit, 1);
  result.platform.emplace();
  result.platform->os = os;
  result.platform->architecture = arch;
  result.platform->variant = variant;
  return result;
}

TEST(Manifest, TheBytesNeverChange) {
  Manifest manifest;
  manifest.config = descriptor(MediaType::kOciConfig, 'c', 7);
  manifest.layers = {descriptor(MediaType::kOciLayerGzip, '1', 1),
                     descriptor(MediaType::kOciLayerZstd, '2', 5'000'000'000)};
  manifest.layers[0].annotations = {{"z", "1"}, {"a", "<"}};
  manifest.annotations = {{"org.opencontainers.image.created", "now"}};
  const std::string text =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("config":)" +
      config_text() +
      R"(,"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":")" +
      sha('1') + R"(","size":1,"annotations":{"a":"\u003c","z":"1"}},)" +
      R"({"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":")" + sha('2') +
      R"(","size":5000000000}],"annotations":{"org.opencontainers.image.created":"now"}})";
  EXPECT_EQ(manifest.json(), text);
  EXPECT_EQ(Manifest::parse(text), manifest);
  EXPECT_EQ(Manifest::parse(text).json(), text);
}

TEST(Manifest, Schema2KeepsItsTypes) {
  Manifest manifest;
  manifest.media_type = MediaType::kDockerManifest;
  manifest.config = descriptor(MediaType::kDockerConfig, 'c', 7);
  manifest.layers = {descriptor(MediaType::kDockerLayerGzip, '1', 1)};
  EXPECT_EQ(Manifest::parse(manifest.json()), manifest);
}

TEST(Manifest, WithoutAMediaTypeItIsAnOciOne) {
  const auto manifest =
      Manifest::parse(R"({"schemaVersion":2,"config":)" + config_text() + R"(,"layers":[]})");
  EXPECT_EQ(manifest.media_type, MediaType::kOciManifest);
  EXPECT_EQ(manifest.config.size, 7u);
}

TEST(Manifest, ArtifactsKeepWhatTheySay) {
  Manifest manifest;
  manifest.config = descriptor(MediaType::kOciEmpty, '4', 2);
  manifest.artifact_type = "application/x";
  manifest.subject = descriptor(MediaType::kOciManifest, '5', 9);
  manifest.layers = {descriptor(MediaType::kUnknown, '6', 3)};
  manifest.layers[0].unknown_media_type = "text/plain";
  EXPECT_EQ(Manifest::parse(manifest.json()), manifest);
}

TEST(Manifest, HostileOnesAreErrors) {
  const std::string config = R"("config":)" + config_text();
  for (const std::string& text : {
           std::string("{}"),
           std::string("[]"),
           std::string("null"),
           "{" + config + R"(,"layers":[],"manifests":[]})",
           "{" + config + R"(,"manifests":[]})",
           "{" + config + R"(,"layers":{}})",
           "{" + config + R"(,"layers":[{}]})",
           "{" + config + R"(,"layers":[],"layers":[]})",
           "{" + config + R"(,"layers":[]}{})",
           "{" + config + R"(,"schemaVersion":1})",
           "{" + config + R"(,"schemaVersion":"2"})",
           "{" + config + R"(,"mediaType":"application/vnd.oci.image.index.v1+json"})",
           "{" + config + R"(,"mediaType":"text/plain"})",
           "{" + config + R"(,"mediaType":5})",
           "{" + config + R"(,"annotations":{"a":1}})",
           R"({"config":)" + config_text(R"(,"annotations":[])") + "}",
           std::string(R"({"config":{"digest":"sha256:../../etc/passwd","size":1}})"),
           R"({"config":{"digest":")" + sha('1') + R"(","size":-1}})",
           R"({"config":{"digest":")" + sha('1') + R"(","size":"1"}})",
           R"({"config":{"digest":")" + sha('1') + R"(","size":18446744073709551615}})",
       }) {
    EXPECT_THROW(Manifest::parse(text), base::Error) << text;
  }
}

TEST(Manifest, TooManyLayersAreRefused) {
  Manifest manifest;
  manifest.config = descriptor(MediaType::kOciConfig, 'c', 7);
  manifest.layers.assign(1000, descriptor(MediaType::kOciLayerTar, '1', 1));
  EXPECT_EQ(Manifest::parse(manifest.json()).layers.size(), 1000u);
  manifest.layers.push_back(manifest.layers.front());
  EXPECT_THROW(Manifest::parse(manifest.json()), base::Error);
}

TEST(Index, RoundTrip) {
  Index index;
  index.manifests = {for_platform('1', "linux", "arm", "v7"), for_platform('2', "linux", "amd64")};
  index.manifests[1].annotations = {{"org.opencontainers.image.ref.name", "latest"}};
  index.annotations = {{"a", "b"}};
  const std::string text =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)"
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      sha('1') +
      R"(","size":1,"platform":{"architecture":"arm","os":"linux","variant":"v7"}},)"
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      sha('2') +
      R"(","size":1,"annotations":{"org.opencontainers.image.ref.name":"latest"},)"
      R"("platform":{"architecture":"amd64","os":"linux"}}],"annotations":{"a":"b"}})";
  EXPECT_EQ(index.json(), text);
  EXPECT_EQ(Index::parse(text), index);
}

TEST(Index, HostileOnesAreErrors) {
  for (const std::string& text :
       {std::string(R"({"manifests":[],"layers":[]})"), std::string(R"({"manifests":{}})"),
        std::string(R"({"manifests":[],"manifests":[]})"),
        std::string(R"({"mediaType":"application/vnd.oci.image.manifest.v1+json"})"),
        R"({"manifests":[{"digest":")" + sha('1') + R"(","size":1,"platform":"linux"}]})"}) {
    EXPECT_THROW(Index::parse(text), base::Error) << text;
  }
}

TEST(Index, ChoosesTheBestMatchAndPassesOverAttestations) {
  Index index;
  index.manifests = {
      for_platform('0', "unknown", "unknown"), for_platform('1', "linux", "arm", "v6"),
      for_platform('2', "linux", "arm", "v7"), for_platform('3', "linux", "arm64", "v8"),
      for_platform('4', "linux", "arm64", "v8")};
  EXPECT_EQ(index.choose(Platform::parse("linux/arm"))->digest.str(), sha('2'));
  EXPECT_EQ(index.choose(Platform::parse("linux/arm/v6"))->digest.str(), sha('1'));
  EXPECT_EQ(index.choose(Platform::parse("linux/arm64"))->digest.str(), sha('3'));
  EXPECT_FALSE(index.choose(Platform::parse("linux/s390x")));
  EXPECT_FALSE(index.choose(Platform::parse("linux/arm/v5")));
}

TEST(Index, AnImageThatNamesNoPlatformIsTheLastResort) {
  Index index;
  index.manifests = {descriptor(MediaType::kOciManifest, '1', 1),
                     descriptor(MediaType::kOciManifest, '2', 1)};
  index.manifests[0].annotations = {{"vnd.docker.reference.type", "attestation-manifest"}};
  EXPECT_EQ(index.choose(Platform::parse("linux/amd64"))->digest.str(), sha('2'));
  index.manifests.push_back(for_platform('3', "linux", "amd64"));
  EXPECT_EQ(index.choose(Platform::parse("linux/amd64"))->digest.str(), sha('3'));
}

TEST(MediaType, EveryTextIsReadAsItsType) {
  for (const MediaType type :
       {MediaType::kOciIndex, MediaType::kOciManifest, MediaType::kOciConfig,
        MediaType::kOciLayerTar, MediaType::kOciLayerGzip, MediaType::kOciLayerZstd,
        MediaType::kOciEmpty, MediaType::kDockerManifestList, MediaType::kDockerManifest,
        MediaType::kDockerConfig, MediaType::kDockerLayerTar, MediaType::kDockerLayerGzip}) {
    EXPECT_EQ(parse_media_type(media_type_text(type)), type);
  }
  EXPECT_EQ(parse_media_type(""), MediaType::kUnknown);
  EXPECT_EQ(parse_media_type("application/json"), MediaType::kUnknown);
}

TEST(MediaType, ForeignLayersAreLayersAndKeepTheirName) {
  const char* foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  EXPECT_EQ(parse_media_type(foreign), MediaType::kDockerLayerGzip);
  const std::string text = R"({"schemaVersion":2,)"
                           R"("mediaType":"application/vnd.docker.distribution.manifest.v2+json",)"
                           R"("config":)" +
                           config_text() + R"(,"layers":[{"mediaType":")" + foreign +
                           R"(","digest":")" + sha('1') + R"(","size":1}]})";
  EXPECT_EQ(Manifest::parse(text).json(), text);
}

}  // namespace
}  // namespace bld::image
