// The flags that say what the image is to look like: names, configuration, annotations, times,
// layers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/build_request.h"
#include "cmd/flags.h"

namespace bld::cmd {

// What --format says, else BUILDAH_FORMAT; OCI without them.
builder::ImageFormat image_format(const std::string& flag);

class ImageFlags {
 public:
  // `format_names`: of --format, which has a short form where -f means nothing else.
  void declare(FlagSet& flags, std::string_view format_names = "format");
  // With what the environment says where no flag does: BUILDAH_LAYERS, BUILDAH_FORMAT,
  // SOURCE_DATE_EPOCH.
  void apply(builder::BuildRequest& request) const;

  std::vector<std::string> tags;  // as they were given

 private:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  void declare_config(FlagSet& flags);
  void declare_times(FlagSet& flags);
  void declare_layers(FlagSet& flags);
  static void apply_tag(const std::string& tag, builder::BuildRequest& request);
  void apply_env(builder::BuildRequest& request) const;
  void apply_times(builder::BuildRequest& request) const;

  Pairs labels_, annotations_;
  std::vector<std::string> env_, unset_env_, unset_labels_, unset_annotations_;
  std::optional<bool> created_annotation_;
  std::string format_;
  bool identity_label_ = true;
  bool omit_history_ = false;
  bool squash_ = false;
  std::optional<bool> layers_;
  std::optional<std::int64_t> timestamp_, source_date_epoch_;
  bool rewrite_timestamp_ = false;
};

}  // namespace bld::cmd
