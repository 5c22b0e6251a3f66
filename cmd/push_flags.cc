#include "cmd/push_flags.h"

#include <unistd.h>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "cmd/containers_conf.h"
#include "cmd/foreign_flags.h"
#include "cmd/renderer.h"

namespace bld::cmd {

namespace {

layers::Compression parse_compression(const std::string& text) {
  if (text == "gzip") return layers::Compression::kGzip;
  if (text == "zstd") return layers::Compression::kZstd;
  if (text == "none") return layers::Compression::kNone;
  throw base::Error("this compression is not supported by bld yet: it has gzip, zstd and none");
}

}  // namespace

void PushFlags::declare_compression(FlagSet& flags) {
  flags.add(
      "compression-format", "gzip|zstd|none",
      [this](const std::string& text) {
        options_.compression = parse_compression(text);
        has_compression_ = true;
      },
      "compression of layers (default gzip)");
  flags.add(
      "compression-level", "N",
      [this](const std::string& text) {
        const auto level = base::parse_unsigned(text);
        if (!level || *level > 22) throw base::Error("no level of compression");
        options_.compression_level = static_cast<int>(*level);
        has_level_ = true;
      },
      "level of compression");
  flags.add_bool("force-compression", options_.force_compression,
                 "compress again what is compressed otherwise");
  flags.add_optional(
      "disable-compression,D", "", "true",
      [this](const std::string& text) {
        if (!parse_bool(text)) return;
        options_.compression = layers::Compression::kNone;
        has_compression_ = true;
      },
      "do not compress layers");
}

void PushFlags::declare(FlagSet& flags) {
  flags.add_text("digestfile", "FILE", digest_file_, "write the manifest's digest to a file");
  flags.add(
      "format,f", "oci|v2s2",
      [this](const std::string& text) { options_.format = parse_manifest_format(text); },
      "format of manifests; without: as they are stored");
  flags.add_bool("quiet,q", quiet_, "show no progress");
  declare_compression(flags);
  connection_.declare(flags);
  flags.accept("remove-signatures", "", "the store keeps no signatures");
  refuse_encryption(flags);
  flags.refuse("sign-by", "push the image, and sign it there: cosign sign, skopeo copy --sign-by");
}

void PushFlags::declare_more_compressions(FlagSet& flags) {
  takes_more_compressions_ = true;
  flags.add(
      "add-compression", "gzip|zstd",
      [this](const std::string& text) {
        for (const std::string& part : base::split(text, ',')) {
          options_.more_compressions.push_back(parse_compression(part));
        }
      },
      "push each image of the list in this compression, too");
}

void PushFlags::run(const Push& push) {
  options_.connection = connection_.options();
  const ContainersConf& conf = ContainersConf::here();
  if (!has_compression_ && !conf.compression_format.empty()) {
    try {
      options_.compression = parse_compression(conf.compression_format);
    } catch (base::Error& error) {
      error.add_context("containers.conf: compression_format = " + conf.compression_format);
      throw;
    }
  }
  if (takes_more_compressions_ && options_.more_compressions.empty()) {
    for (const std::string& text : conf.add_compression) {
      options_.more_compressions.push_back(parse_compression(text));
    }
  }
  if (!has_level_ && !has_compression_ && conf.compression_level) {
    options_.compression_level = static_cast<int>(*conf.compression_level);
  }
  Streams streams(STDOUT_FILENO, STDERR_FILENO);
  const auto renderer = make_renderer(choose_progress("", quiet_), streams);
  try {
    const image::Descriptor manifest = push(options_, *renderer);
    if (!digest_file_.empty()) {
      base::write_file_atomically(digest_file_, manifest.digest.str(), 0644);
    }
  } catch (...) {
    renderer->finish(Renderer::End::kFailure);
    throw;
  }
  renderer->finish(Renderer::End::kSuccess);
}

}  // namespace bld::cmd
