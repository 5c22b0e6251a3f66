// bld source: the sources of an image as an OCI artifact of their own, in an OCI layout
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "builder/source_layer.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/options.h"
#include "cmd/standard_streams.h"
#include "cmd/subcommands.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "registry/copy_artifact.h"
#include "registry/docker_registry.h"
#include "registry/file_source.h"
#include "registry/layout.h"
#include "registry/registries_conf.h"

namespace bld::cmd {

namespace {

namespace fs = std::filesystem;
using base::Error;
using image::Descriptor;

constexpr const char* kConfigType = "application/vnd.oci.source.image.config.v1+json";

Descriptor descriptor_of(std::string_view text) {
  Descriptor descriptor;
  descriptor.digest = image::Digest::of(base::as_bytes(text));
  descriptor.size = text.size();
  return descriptor;
}

void put_text(registry::ImageSink& sink, const Descriptor& descriptor, const std::string& text) {
  base::MemorySource source(text);
  sink.put_blob({.descriptor = descriptor, .content = &source, .is_config = true});
}

void put_manifest(registry::ImageSink& sink, const image::Manifest& manifest) {
  const std::string text = manifest.json();
  Descriptor descriptor = descriptor_of(text);
  descriptor.media_type = image::MediaType::kOciManifest;
  sink.put_manifest(text, descriptor);
}

void must_be_new(const std::string& path) {
  if (fs::exists(path)) throw Error("creating source image: \"{}\" already exists", path);
}

void expect_exactly(const std::vector<std::string>& arguments, std::size_t count) {
  if (arguments.size() == count) return;
  throw Error("accepts {} arg(s), received {}", count, arguments.size());
}

class CreateSource : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_text("author", "NAME", author_, "author of the source image");
    flags.add_bool("time-stamp", time_stamp_, "write the time into it (default true)");
  }

  int run(App&, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_exactly(arguments, 1);
    must_be_new(arguments[0]);
    base::Json config = base::Json::object();
    if (time_stamp_) {
      config.add("created", image::format_time(std::chrono::floor<std::chrono::seconds>(
                                std::chrono::system_clock::now())));
    }
    if (!author_.empty()) config.add("author", author_);
    const std::string text = config.str();
    image::Manifest manifest;
    manifest.config = descriptor_of(text);
    manifest.config.unknown_media_type = kConfigType;
    const auto sink = registry::open_layout_sink(arguments[0], "");
    put_text(*sink, manifest.config, text);
    put_manifest(*sink, manifest);
    return 0;
  }

 private:
  std::string author_;
  bool time_stamp_ = true;
};

class AddSource : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_list("annotation", "KEY=VALUE", annotations_, "annotation of the artifact");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_exactly(arguments, 2);
    Descriptor layer;
    for (const std::string& text : annotations_) {
      const KeyAndValue pair = parse_key_value(text);
      if (!pair.value) {
        throw Error("invalid annotation \"{}\" (expected format is \"key=value\")", text);
      }
      layer.annotations[pair.key] = *pair.value;
    }
    if (!fs::exists(arguments[0])) throw Error::sys("stat", arguments[0], ENOENT);
    if (!fs::exists(arguments[1])) throw Error::sys("stat", arguments[1], ENOENT);
    const auto source = registry::open_layout_source(arguments[0], "");
    const std::string before = source->manifest(nullptr).text;
    image::Manifest manifest = image::Manifest::parse(before);
    const auto sink = registry::open_layout_sink(arguments[0], "");
    put_layer(app.store(), arguments[1], layer, *sink);
    manifest.layers.push_back(layer);
    put_manifest(*sink, manifest);
    // Nothing names the manifest that was there.
    base::RootedDir::open(fs::path(arguments[0]) / "blobs/sha256")
        .remove_tree(std::string(descriptor_of(before).digest.hex()));
    return 0;
  }

 private:
  static void put_layer(store::Store& store, const std::string& path, Descriptor& layer,
                        registry::ImageSink& sink) {
    const base::RootedDir folder = base::RootedDir::open(store.make_temp_dir());
    base::UniqueFd file = folder.open_at("layer", O_RDWR | O_CREAT | O_EXCL, 0600);
    base::FdSink out(file.get());
    base::Sha256 hash;
    base::TeeSink both(hash, out);
    builder::write_source_layer(path, base::RootedDir::open(store.make_temp_dir()), both);
    layer.media_type = image::MediaType::kOciLayerGzip;
    layer.digest = image::Digest::parse("sha256:" + base::to_hex(hash.finish()));
    layer.size = static_cast<std::uint64_t>(::lseek(file.get(), 0, SEEK_CUR));
    ::lseek(file.get(), 0, SEEK_SET);
    registry::FileSource content(std::move(file));
    sink.put_blob({.descriptor = layer, .content = &content});
  }

  std::vector<std::string> annotations_;
};

// What push and pull have in common.
class Transfer : public Command {
 public:
  void declare(FlagSet& flags) override {
    connection_.declare(flags);
    flags.add_bool("quiet,q", quiet_, "print nothing");
  }

 protected:
  registry::RegistryEndpoint endpoint(const std::string& text, bool is_push,
                                      registry::ConnectionOptions& connection) const {
    const registry::Location location = location_of(text);
    if (location.kind != registry::TransportKind::kDocker) {
      throw Error("{}: a source image is in a registry, or a directory", text);
    }
    const auto name = image::Reference::parse(location.reference);
    const auto conf = registry::RegistriesConf::load();
    auto end = is_push ? conf.push_endpoint(name) : conf.pull_endpoints(name).back();
    connection = connection_.options();
    if (end.insecure) connection.tls_verify = false;
    return end;
  }

  void tell(const Descriptor& manifest) const {
    if (!quiet_) print_error("Copied " + manifest.digest.str() + "\n");
  }

 private:
  ConnectionFlags connection_;
  bool quiet_ = false;
};

class PushSource : public Transfer {
 public:
  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_exactly(arguments, 2);
    registry::ConnectionOptions connection;
    const auto to = endpoint(arguments[1], true, connection);
    const auto source = registry::open_layout_source(arguments[0], "");
    const auto sink = registry::open_registry_sink(to.reference, connection, app.stop_token());
    const Descriptor manifest =
        registry::copy_artifact(*source, *sink, kConfigType, app.stop_token());
    tell(manifest);
    return 0;
  }
};

class PullSource : public Transfer {
 public:
  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_exactly(arguments, 2);
    must_be_new(arguments[1]);
    registry::ConnectionOptions connection;
    const auto from = endpoint(arguments[0], false, connection);
    const auto source =
        registry::open_registry_source(from.reference, connection, app.stop_token());
    source->manifest(nullptr);  // nothing is made where there is none
    const auto sink = registry::open_layout_sink(arguments[1], "");
    tell(registry::copy_artifact(*source, *sink, kConfigType, app.stop_token()));
    return 0;
  }
};

const SubcommandEntry kSubcommands[] = {
    {"add", "PATH ARTIFACT", "Add a file or a directory", make_subcommand<AddSource>},
    {"create", "PATH", "Make an empty source image", make_subcommand<CreateSource>},
    {"pull", "IMAGE PATH", "Bring one from a registry", make_subcommand<PullSource>},
    {"push", "PATH IMAGE", "Bring one to a registry", make_subcommand<PushSource>},
};

class Source : public Command {
 public:
  void declare(FlagSet&) override {}

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    return run_subcommand(app, "source", kSubcommands, arguments);
  }
};

}  // namespace

std::unique_ptr<Command> make_source() { return std::make_unique<Source>(); }

}  // namespace bld::cmd
