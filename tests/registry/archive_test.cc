// Images in one file: what is written is read again, by us and by others; hostile files are Errors.
#include "registry/archive.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/json.h"
#include "base/process.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "layers/compression.h"
#include "layers/tar_reader.h"
#include "tests/support/tar_builder.h"
#include "tests/support/temp_dir.h"

namespace bld::registry {
namespace {

namespace fs = std::filesystem;
using image::Descriptor;
using image::Digest;
using image::MediaType;
using test::TarBuilder;
using test::TempDir;

Descriptor describe(MediaType type, const std::string& bytes) {
  Descriptor descriptor;
  descriptor.media_type = type;
  descriptor.digest = Digest::of(base::as_bytes(bytes));
  descriptor.size = bytes.size();
  return descriptor;
}

std::string gzip(const std::string& bytes) {
  base::StringSink out;
  const auto compressor = layers::compress(out, {});
  compressor->write(base::as_bytes(bytes));
  compressor->finish();
  return out.text;
}

// Two layers and their config.
struct TestImage {
  std::vector<std::string> layers = {TarBuilder().file("a", "one").finish(),
                                     TarBuilder().file("b", "two").finish()};
  std::string config;
  image::Manifest manifest;

  TestImage() {
    image::ImageConfig value;
    value.platform.os = "linux";
    value.platform.architecture = "amd64";
    value.config.env = {"PATH=/bin"};
    for (const std::string& layer : layers) {
      value.diff_ids.push_back({Digest::of(base::as_bytes(layer))});
      manifest.layers.push_back(describe(MediaType::kOciLayerTar, layer));
    }
    config = value.json();
    manifest.config = describe(MediaType::kOciConfig, config);
  }

  std::string config_name() const { return hex(config) + ".json"; }

  static std::string hex(const std::string& bytes) {
    return std::string(Digest::of(base::as_bytes(bytes)).hex());
  }
};

void put(ImageSink& sink, const Descriptor& descriptor, const std::string& bytes,
         bool is_config = false) {
  base::MemorySource content(bytes);
  sink.put_blob({.descriptor = descriptor, .content = &content, .is_config = is_config});
}

void write_image(ImageSink& sink, const TestImage& image) {
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    EXPECT_FALSE(sink.has_blob(image.manifest.layers[i]));
    put(sink, image.manifest.layers[i], image.layers[i]);
    EXPECT_TRUE(sink.has_blob(image.manifest.layers[i]));
  }
  put(sink, image.manifest.config, image.config, true);
  const std::string text = image.manifest.json();
  sink.put_manifest(text, describe(image.manifest.media_type, text));
}

std::string read_blob(ImageSource& source, const Descriptor& blob, std::uint64_t offset = 0) {
  return base::read_to_end(*source.open_blob(blob, offset), 1 << 20);
}

std::string read_file(const fs::path& path) { return base::read_file(path, 1 << 26); }

std::string names_of(ImageSource& source) {
  std::string text;
  for (const image::Reference& name : source.names()) text += name.str() + " ";
  return text;
}

fs::path new_dir(const TempDir& temp) {
  static int count = 0;
  const fs::path path = temp / ("scratch" + std::to_string(++count));
  fs::create_directory(path);
  return path;
}

std::string complaint(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string run(std::vector<std::string> args) {
  base::ProcessOptions options;
  options.args = std::move(args);
  const base::ProcessResult result = base::run_process(options);
  EXPECT_EQ(result.exit_status, 0) << result.error_output;
  return result.output;
}

// ── oci-archive ──────────────────────────────────────────────────────────────────────────────────

TEST(OciArchive, RoundTrip) {
  const TempDir temp;
  const TestImage image;
  write_image(*open_oci_archive_sink(temp / "i.tar", "v1", new_dir(temp)), image);
  const auto source = open_oci_archive_source(temp / "i.tar", "v1", new_dir(temp));
  EXPECT_EQ(source->manifest(nullptr).text, image.manifest.json());
  EXPECT_EQ(read_blob(*source, image.manifest.config), image.config);
  EXPECT_EQ(read_blob(*source, image.manifest.layers[1]), image.layers[1]);
  EXPECT_EQ(read_blob(*source, image.manifest.layers[1], 512), image.layers[1].substr(512));
}

TEST(OciArchive, TheSameImageIsTheSameBytes) {
  const TempDir temp;
  const TestImage image;
  write_image(*open_oci_archive_sink(temp / "a.tar", "v1", new_dir(temp)), image);
  write_image(*open_oci_archive_sink(temp / "b.tar", "v1", new_dir(temp)), image);
  EXPECT_EQ(read_file(temp / "a.tar"), read_file(temp / "b.tar"));
}

TEST(OciArchive, AnotherReferenceIsNotFound) {
  const TempDir temp;
  write_image(*open_oci_archive_sink(temp / "i.tar", "v1", new_dir(temp)), TestImage());
  EXPECT_NO_THROW(open_oci_archive_source(temp / "i.tar", "", new_dir(temp))->manifest(nullptr));
  EXPECT_THROW(open_oci_archive_source(temp / "i.tar", "v2", new_dir(temp))->manifest(nullptr),
               base::Error);
}

TEST(OciArchive, MayBeCompressedAsAWhole) {
  const TempDir temp;
  const TestImage image;
  write_image(*open_oci_archive_sink(temp / "i.tar", "", new_dir(temp)), image);
  temp.write("i.tar.gz", gzip(read_file(temp / "i.tar")));
  const auto source = open_oci_archive_source(temp / "i.tar.gz", "", new_dir(temp));
  EXPECT_EQ(source->manifest(nullptr).text, image.manifest.json());
}

TEST(OciArchive, NothingIsThereUnlessAllIs) {
  const TempDir temp;
  temp.write("out/i.tar", "old");
  {
    const auto sink = open_oci_archive_sink(temp / "out/i.tar", "", new_dir(temp));
    put(*sink, TestImage().manifest.layers[0], TestImage().layers[0]);
  }
  EXPECT_EQ(names_in(temp / "out"), std::vector<std::string>{"i.tar"});
  EXPECT_EQ(read_file(temp / "out/i.tar"), "old");
  write_image(*open_oci_archive_sink(temp / "out/i.tar", "", new_dir(temp)), TestImage());
  EXPECT_EQ(names_in(temp / "out"), std::vector<std::string>{"i.tar"});
  EXPECT_NE(read_file(temp / "out/i.tar"), "old");
}

TEST(OciArchive, OnlyFilesOfALayoutAreUnpacked) {
  const TempDir temp;
  const fs::path scratch = new_dir(temp);
  const std::string hex(64, 'a');
  temp.write("i.tar", TarBuilder()
                          .file("index.json", R"({"manifests":[]})")
                          .file("evil", "x")
                          .file("blobs/evil", "x")
                          .file("blobs/sha256/evil", "x")
                          .file("blobs/md5/" + hex, "x")
                          .file("blobs/sha256/" + hex + "/x", "x")
                          .symlink("link", "/etc")
                          .file("link/passwd", "x")
                          .file("./blobs//sha256/" + hex, "x")
                          .finish());
  open_oci_archive_source(temp / "i.tar", "", scratch);
  EXPECT_EQ(names_in(scratch), (std::vector<std::string>{"blobs", "index.json"}));
  EXPECT_EQ(names_in(scratch / "blobs"), (std::vector<std::string>{"sha256", "sha512"}));
  EXPECT_EQ(names_in(scratch / "blobs/sha256"), std::vector<std::string>{hex});
}

TEST(OciArchive, HostileArchivesAreErrors) {
  const TempDir temp;
  const std::string index = R"({"manifests":[]})";
  const std::string blob = "blobs/sha256/" + std::string(64, 'a');
  TarBuilder::Header huge;
  huge.name = blob;
  huge.size = 07777777777;
  const std::map<std::string, std::string> archives = {
      {"empty", ""},
      {"no tar", std::string(4096, 'x')},
      {"no layout", TarBuilder().finish()},
      {"upwards", TarBuilder().file("index.json", index).file("../x", "x").finish()},
      {"inner upwards", TarBuilder().file("blobs/../../x", "x").finish()},
      {"index is a link", TarBuilder().symlink("index.json", "/etc/passwd").finish()},
      {"index is a hard link", TarBuilder().hard_link("index.json", "oci-layout").finish()},
      {"a blob is a link", TarBuilder().file("index.json", index).symlink(blob, "/x").finish()},
      {"a blob is a device", TarBuilder().file("index.json", index).entry(blob, '3').finish()},
      {"two indexes", TarBuilder().file("index.json", index).file("index.json", index).finish()},
      {"huge", TarBuilder().file("index.json", index).header(huge).finish()},
      {"no end", TarBuilder().file("index.json", index).without_end()},
      {"cut", TarBuilder().file("index.json", index).without_end().substr(0, 700)},
      {"no json", TarBuilder().file("index.json", "{").finish()},
      {"long index", TarBuilder().file("index.json", std::string(5 << 20, ' ')).finish()},
  };
  for (const auto& [what, bytes] : archives) {
    temp.write("i.tar", bytes);
    EXPECT_THROW(open_oci_archive_source(temp / "i.tar", "", new_dir(temp))->manifest(nullptr),
                 base::Error)
        << what;
  }
  EXPECT_FALSE(fs::exists(temp / "x"));
  EXPECT_THROW(open_oci_archive_source(temp / "missing", "", new_dir(temp)), base::Error);
}

TEST(OciArchive, WhatTheDiskHasNoRoomForIsRefusedBeforeItIsWritten) {
  const TempDir temp;
  const fs::path scratch = new_dir(temp);
  TarBuilder::Header blob;
  blob.name = "blobs/sha256/" + std::string(64, 'a');
  temp.write("i.tar", TarBuilder()
                          .pax(TarBuilder::record("size", "900000000000000000"))
                          .header(blob)
                          .body(std::string(1 << 20, 'x'))
                          .finish());
  const std::string message =
      complaint([&] { open_oci_archive_source(temp / "i.tar", "", scratch); });
  EXPECT_NE(message.find("has 900000000000000000 bytes, but only "), std::string::npos) << message;
  EXPECT_TRUE(names_in(scratch / "blobs/sha256").empty());
}

TEST(OciArchive, AMissingBlobIsAnErrorOfItsReader) {
  const TempDir temp;
  const TestImage image;
  write_image(*open_oci_archive_sink(temp / "i.tar", "", new_dir(temp)), image);
  const auto source = open_oci_archive_source(temp / "i.tar", "", new_dir(temp));
  EXPECT_THROW(source->open_blob(describe(MediaType::kOciLayerTar, "other"), 0), base::Error);
}

TEST(OciArchive, SkopeoReadsIt) {
  if (!fs::exists("/usr/bin/skopeo")) GTEST_SKIP() << "there is no skopeo";
  const TempDir temp;
  const TestImage image;
  write_image(*open_oci_archive_sink(temp / "i.tar", "v1", new_dir(temp)), image);
  const std::string location = "oci-archive:" + (temp / "i.tar").string() + ":v1";
  const std::string output = run({"skopeo", "inspect", "--raw", location});
  EXPECT_EQ(output, image.manifest.json());
}

// ── docker-archive ───────────────────────────────────────────────────────────────────────────────

std::string docker_list(const TestImage& image, const std::string& tags,
                        const std::vector<std::string>& layers) {
  return R"([{"Config":")" + image.config_name() + R"(","RepoTags":)" + tags + R"(,"Layers":)" +
         base::Json::from(layers).str() + "}]";
}

image::Manifest manifest_of(ImageSource& source) {
  return image::Manifest::parse(source.manifest(nullptr).text);
}

TEST(DockerArchive, RoundTrip) {
  const TempDir temp;
  const TestImage image;
  write_image(*open_docker_archive_sink(temp / "i.tar", "me/app"), image);
  for (const char* reference : {"", "me/app", "me/app:latest", "docker.io/me/app", "@0"}) {
    const auto source = open_docker_archive_source(temp / "i.tar", reference, new_dir(temp));
    const image::Manifest manifest = manifest_of(*source);
    EXPECT_EQ(manifest.media_type, MediaType::kDockerManifest);
    EXPECT_EQ(manifest.config, describe(MediaType::kDockerConfig, image.config));
    ASSERT_EQ(manifest.layers.size(), 2u);
    EXPECT_EQ(manifest.layers[0], describe(MediaType::kDockerLayerTar, image.layers[0]));
    EXPECT_EQ(read_blob(*source, manifest.config), image.config);
    EXPECT_EQ(read_blob(*source, manifest.layers[1]), image.layers[1]);
    EXPECT_EQ(read_blob(*source, manifest.layers[1], 512), image.layers[1].substr(512));
  }
}

TEST(DockerArchive, AnImageMayHaveSeveralNames) {
  const TempDir temp;
  const TestImage image;
  write_image(*open_docker_archive_sink(temp / "i.tar", "me/app", {"localhost/x:2"}), image);
  for (const char* reference : {"me/app", "localhost/x:2"}) {
    const auto source = open_docker_archive_source(temp / "i.tar", reference, new_dir(temp));
    EXPECT_EQ(manifest_of(*source).config.digest, image.manifest.config.digest) << reference;
  }
}

TEST(DockerArchive, TheArchiveIsWhatDockerLoadWants) {
  const TempDir temp;
  TestImage image;
  image.manifest.layers.push_back(image.manifest.layers[0]);  // a layer that is there twice
  const auto sink = open_docker_archive_sink(temp / "i.tar", "localhost/app:1");
  EXPECT_TRUE(sink->wants_uncompressed_layers());
  EXPECT_TRUE(sink->is_sequential());
  put(*sink, image.manifest.layers[2], image.layers[0]);
  put(*sink, image.manifest.layers[0], image.layers[0]);
  put(*sink, image.manifest.layers[1], image.layers[1]);
  put(*sink, image.manifest.config, image.config, true);
  sink->put_manifest(image.manifest.json(), describe(MediaType::kOciManifest, ""));
  const std::string archive = read_file(temp / "i.tar");
  base::MemorySource bytes(archive);
  layers::TarReader reader(bytes);
  std::vector<std::string> names;
  std::string list;
  while (const layers::FileEntry* entry = reader.next()) {
    EXPECT_EQ(entry->mtime_sec, 0);
    EXPECT_EQ(entry->mode, 0644u);
    names.push_back(entry->path);
    list = base::read_to_end(reader.content(), 1 << 20);
  }
  const std::string first = TestImage::hex(image.layers[0]) + ".tar";
  const std::string second = TestImage::hex(image.layers[1]) + ".tar";
  EXPECT_EQ(names, (std::vector<std::string>{first, second, image.config_name(), "manifest.json"}));
  EXPECT_EQ(list, docker_list(image, R"(["localhost/app:1"])", {first, second, first}));
}

TEST(DockerArchive, NothingIsThereUnlessAllIs) {
  const TempDir temp;
  const TestImage image;
  fs::create_directory(temp / "out");
  {
    const auto sink = open_docker_archive_sink(temp / "out/i.tar", "");
    put(*sink, image.manifest.layers[0], image.layers[0]);
    EXPECT_THROW(sink->put_manifest(image.manifest.json(), describe(MediaType::kOciManifest, "")),
                 base::Error);
  }
  {
    const auto sink = open_docker_archive_sink(temp / "out/i.tar", "");
    EXPECT_THROW(put(*sink, image.manifest.layers[0], "shorter"), base::Error);
    EXPECT_THROW(put(*sink, image.manifest.layers[1], image.layers[1]), base::Error);
  }
  EXPECT_TRUE(names_in(temp / "out").empty());
}

TEST(DockerArchive, ADigestIsNoNameForOne) {
  const TempDir temp;
  const std::string name = "x@sha256:" + std::string(64, 'a');
  EXPECT_THROW(open_docker_archive_sink(temp / "i.tar", name), base::Error);
  EXPECT_THROW(open_docker_archive_sink(temp / "i.tar", "Upper"), base::Error);
  EXPECT_TRUE(names_in(temp.path()).empty());
}

TEST(DockerArchive, APipeIsWrittenStraight) {
  const TempDir temp;
  const TestImage image;
  const fs::path pipe = temp / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { write_image(*open_docker_archive_sink(pipe, "x"), image); });
  const auto source = open_docker_archive_source(pipe, "x", new_dir(temp));
  writer.join();
  EXPECT_EQ(manifest_of(*source).config.digest, image.manifest.config.digest);
}

TEST(DockerArchive, LayersMayBeLinksWithinTheArchiveAndCompressed) {
  const TempDir temp;
  const TestImage image;
  const std::string packed = gzip(image.layers[1]);
  temp.write("i.tar", TarBuilder()
                          .file("manifest.json", docker_list(image, "null",
                                                             {"one/layer.tar", "two/layer.tar",
                                                              "./three/layer.tar", "four.tar"}))
                          .dir("one")
                          .file("one/layer.tar", image.layers[0])
                          .file("two/layer.tar", packed)
                          .symlink("three/layer.tar", "../one/layer.tar")
                          .symlink("five.tar", "three/layer.tar")
                          .hard_link("four.tar", "five.tar")
                          .file(image.config_name(), image.config)
                          .file("repositories", "{}")
                          .finish());
  const auto source = open_docker_archive_source(temp / "i.tar", "", new_dir(temp));
  const image::Manifest manifest = manifest_of(*source);
  const Descriptor first = describe(MediaType::kDockerLayerTar, image.layers[0]);
  const Descriptor second = describe(MediaType::kDockerLayerGzip, packed);
  EXPECT_EQ(manifest.layers, (std::vector<Descriptor>{first, second, first, first}));
  EXPECT_EQ(read_blob(*source, second), packed);
}

TEST(DockerArchive, AnImageIsChosenByNameOrNumber) {
  const TempDir temp;
  const TestImage image;
  const std::string entry =
      R"({"Config":")" + image.config_name() + R"(","RepoTags":[%],)" + R"("Layers":[]})";
  const auto with_tags = [&](const std::string& tags) {
    std::string text = entry;
    return text.replace(text.find('%'), 1, tags);
  };
  const std::string other = R"({"Config":"other.json","RepoTags":["localhost/b:latest"],)"
                            R"("Layers":[]})";
  temp.write("i.tar",
             TarBuilder()
                 .file("manifest.json", "[" + with_tags(R"("a:1","a:2")") + "," + other + "]")
                 .file(image.config_name(), image.config)
                 .file("other.json", "{}")
                 .finish());
  const auto config = [&](const std::string& reference) {
    const auto source = open_docker_archive_source(temp / "i.tar", reference, new_dir(temp));
    return read_blob(*source, manifest_of(*source).config);
  };
  EXPECT_EQ(config("a:2"), image.config);
  EXPECT_EQ(config("docker.io/library/a:1"), image.config);
  EXPECT_EQ(config("@0"), image.config);
  EXPECT_EQ(config("@1"), "{}");
  EXPECT_EQ(config("b"), "{}");
  EXPECT_EQ(config("localhost/b"), "{}");
  for (const char* reference : {"", "a", "a:3", "c/b", "@2", "@", "@x", "@-1"}) {
    EXPECT_THROW(config(reference), base::Error) << reference;
  }
  const auto all = open_docker_archive_sources(temp / "i.tar", new_dir(temp));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(read_blob(*all[1], manifest_of(*all[1]).config), "{}");
  EXPECT_EQ(names_of(*all[0]), "docker.io/library/a:1 docker.io/library/a:2 ");
  EXPECT_EQ(names_of(*all[1]), "localhost/b:latest ");
}

TEST(OciArchive, TheAnnotationsOfTheIndexAreItsNames) {
  const TempDir temp;
  const auto names = [&](std::vector<LayoutReference> references) {
    write_image(*open_oci_archive_sink(temp / "i.tar", std::move(references), new_dir(temp)),
                TestImage());
    return names_of(*open_oci_archive_source(temp / "i.tar", "", new_dir(temp)));
  };
  EXPECT_EQ(names({{.name = ""}}), "");
  EXPECT_EQ(names({{.name = "app:1"}, {.name = "v2"}}), "localhost/app:1 localhost/v2:latest ");
  EXPECT_EQ(names({{.name = "UPPER case"}}), "");
  EXPECT_EQ(names({{"latest", {{std::string(kFullNameAnnotation), "app"}}}}),
            "docker.io/library/app:latest ");
}

TEST(DockerArchive, HostileArchivesAreErrors) {
  const TempDir temp;
  const TestImage image;
  const auto archive = [&](const std::string& layer) {
    return TarBuilder()
        .file(image.config_name(), image.config)
        .file("manifest.json", docker_list(image, "[]", {layer}));
  };
  TarBuilder::Header huge;
  huge.name = "l.tar";
  huge.size = 07777777777;
  const std::map<std::string, std::string> archives = {
      {"empty", ""},
      {"no list", TarBuilder().file("a", "b").finish()},
      {"no image", TarBuilder().file("manifest.json", "[]").finish()},
      {"no array", TarBuilder().file("manifest.json", "{}").finish()},
      {"wrong types", TarBuilder().file("manifest.json", R"([{"Config":1}])").finish()},
      {"no config", TarBuilder().file("manifest.json", R"([{"Layers":[]}])").finish()},
      {"upwards", archive("../../etc/passwd").finish()},
      {"absolute", archive("/etc/passwd").finish()},
      {"an entry upwards", archive("l.tar").file("../l.tar", "x").finish()},
      {"missing layer", archive("l.tar").finish()},
      {"a directory", archive("l.tar").dir("l.tar").finish()},
      {"a link out", archive("l.tar").symlink("l.tar", "../l.tar").finish()},
      {"an absolute link", archive("l.tar").symlink("l.tar", "/etc/passwd").finish()},
      {"a link to itself", archive("l.tar").symlink("l.tar", "l.tar").finish()},
      {"links in a ring", archive("l.tar").symlink("l.tar", "m").symlink("m", "l.tar").finish()},
      {"a dangling link", archive("l.tar").hard_link("l.tar", "m").finish()},
      {"two of one name", archive("l.tar").file("l.tar", "x").file("l.tar", "y").finish()},
      {"two lists", archive("l.tar").file("l.tar", "x").file("manifest.json", "[]").finish()},
      {"zstd", archive("l.tar").file("l.tar", "\x28\xb5\x2f\xfd....").finish()},
      {"huge", archive("l.tar").header(huge).finish()},
      {"cut", archive("l.tar").file("l.tar", image.layers[0]).without_end().substr(0, 3000)},
      {"no end", archive("l.tar").file("l.tar", image.layers[0]).without_end()},
  };
  for (const auto& [what, bytes] : archives) {
    temp.write("i.tar", bytes);
    EXPECT_NE(complaint([&] { open_docker_archive_source(temp / "i.tar", "", new_dir(temp)); }), "")
        << what;
  }
  EXPECT_FALSE(fs::exists(temp / "l.tar"));
}

TEST(DockerArchive, TheSameFileTwiceIsHarmless) {
  const TempDir temp;
  const TestImage image;
  temp.write("i.tar", TarBuilder()
                          .file(image.config_name(), image.config)
                          .file("l.tar", image.layers[0])
                          .file("l.tar", image.layers[0])
                          .file("manifest.json", docker_list(image, "[]", {"l.tar"}))
                          .finish());
  EXPECT_NO_THROW(open_docker_archive_source(temp / "i.tar", "", new_dir(temp)));
}

TEST(DockerArchive, SkopeoReadsIt) {
  if (!fs::exists("/usr/bin/skopeo")) GTEST_SKIP() << "there is no skopeo";
  const TempDir temp;
  const TestImage image;
  write_image(*open_docker_archive_sink(temp / "i.tar", "me/app:1"), image);
  const std::string location = "docker-archive:" + (temp / "i.tar").string() + ":me/app:1";
  const std::string output = run({"skopeo", "inspect", "--config", location});
  EXPECT_EQ(image::ImageConfig::parse(output), image::ImageConfig::parse(image.config));
}

TEST(DockerArchive, WhatSkopeoWritesIsRead) {
  if (!fs::exists("/usr/bin/skopeo")) GTEST_SKIP() << "there is no skopeo";
  const TempDir temp;
  const TestImage image;
  write_image(*open_oci_archive_sink(temp / "oci.tar", "", new_dir(temp)), image);
  run({"skopeo", "--insecure-policy", "copy", "oci-archive:" + (temp / "oci.tar").string(),
       "docker-archive:" + (temp / "docker.tar").string() + ":x:1"});
  const auto source = open_docker_archive_source(temp / "docker.tar", "x:1", new_dir(temp));
  const image::Manifest manifest = manifest_of(*source);
  EXPECT_EQ(manifest.config.digest, image.manifest.config.digest);
  EXPECT_EQ(read_blob(*source, manifest.layers.at(0)), image.layers[0]);
}

}  // namespace
}  // namespace bld::registry
