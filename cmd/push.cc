// bld push
#include <unistd.h>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/options.h"
#include "cmd/renderer.h"
#include "registry/copy_image.h"

namespace bld::cmd {

namespace {

layers::Compression parse_compression(const std::string& text) {
  if (text == "gzip") return layers::Compression::kGzip;
  if (text == "zstd") return layers::Compression::kZstd;
  if (text == "none") return layers::Compression::kNone;
  throw base::Error("this compression is not supported by bld yet: it has gzip, zstd and none");
}

class Push : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_text("digestfile", "FILE", digest_file_, "write the manifest's digest to a file");
    flags.add(
        "format,f", "oci|v2s2",
        [this](const std::string& text) { options_.format = parse_manifest_format(text); },
        "format of the manifest; without: as it is stored");
    flags.add(
        "compression-format", "gzip|zstd|none",
        [this](const std::string& text) { options_.compression = parse_compression(text); },
        "compression of layers (default gzip)");
    flags.add(
        "compression-level", "N",
        [this](const std::string& text) {
          const auto level = base::parse_unsigned(text);
          if (!level || *level > 22) throw base::Error("no level of compression");
          options_.compression_level = static_cast<int>(*level);
        },
        "level of compression");
    flags.add_bool("force-compression", options_.force_compression,
                   "compress again what is compressed otherwise");
    flags.add_optional(
        "disable-compression,D", "", "true",
        [this](const std::string& text) {
          if (parse_bool(text)) options_.compression = layers::Compression::kNone;
        },
        "do not compress layers");
    flags.add_bool("quiet,q", quiet_, "show no progress");
    flags.refuse({"all", "encryption-key", "encrypt-layer", "sign-by", "remove-signatures", "rm"});
    connection_.declare(flags);
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 2, "at least a source image ID must be specified");
    options_.connection = connection_.options();
    const store::ImageRecord image = app.store().get_image(arguments[0]);
    const registry::Location to =
        arguments.size() == 2 ? destination(arguments[1]) : own_name(image, arguments[0]);
    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(choose_progress("", quiet_), streams);
    try {
      const image::Descriptor manifest =
          registry::push(app.store(), image, to, options_, *renderer, app.stop_token());
      if (!digest_file_.empty()) {
        base::write_file_atomically(digest_file_, manifest.digest.str(), 0644);
      }
    } catch (...) {
      renderer->finish(Renderer::End::kFailure);
      throw;
    }
    renderer->finish(Renderer::End::kSuccess);
    return 0;
  }

 private:
  static registry::Location in_registry(const std::string& name) {
    return {.kind = registry::TransportKind::kDocker,
            .path = {},
            .reference = image::Reference::parse(name).with_default_tag().str()};
  }

  static registry::Location destination(const std::string& text) {
    const auto location = registry::parse_location(text);
    return location ? *location : in_registry(text);
  }

  // By ID, an image has no place of its own.
  static registry::Location own_name(const store::ImageRecord& image, const std::string& text) {
    if (image.names.empty() || image.id().starts_with(text)) {
      throw base::Error("{}: a destination is needed, the image is named by its ID", text);
    }
    return in_registry(text);
  }

  std::string digest_file_;
  bool quiet_ = false;
  registry::PushOptions options_;
  ConnectionFlags connection_;
};

}  // namespace

std::unique_ptr<Command> make_push() { return std::make_unique<Push>(); }

}  // namespace bld::cmd
