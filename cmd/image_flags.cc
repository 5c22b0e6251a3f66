#include "cmd/image_flags.h"

#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "cmd/options.h"

namespace bld::cmd {

using base::Error;

namespace {

std::int64_t parse_seconds(const std::string& text) {
  const auto number = base::parse_unsigned(text);
  if (!number || *number > (1ULL << 40)) throw Error("\"{}\" is no number of seconds", text);
  return static_cast<std::int64_t>(*number);
}

std::function<void(std::string)> append_pair(
    std::vector<std::pair<std::string, std::string>>& pairs) {
  return [&pairs](const std::string& text) {
    KeyAndValue pair = parse_key_value(text);
    pairs.emplace_back(std::move(pair.key), pair.value.value_or(""));
  };
}

std::optional<std::int64_t> epoch_of_environment() {
  const auto text = environment_variable("SOURCE_DATE_EPOCH");
  if (!text) return std::nullopt;
  try {
    return parse_seconds(*text);
  } catch (Error& error) {
    error.add_context("SOURCE_DATE_EPOCH");
    throw;
  }
}

}  // namespace

builder::ImageFormat image_format(const std::string& flag) {
  const std::string text =
      flag.empty() ? environment_variable("BUILDAH_FORMAT").value_or("oci") : flag;
  if (text == "oci") return builder::ImageFormat::kOci;
  if (text == "docker") return builder::ImageFormat::kDocker;
  throw Error("unrecognized image type \"{}\": must be oci or docker", base::printable(text));
}

void ImageFlags::declare(FlagSet& flags, std::string_view format_names) {
  flags.add_list("tag,t", "NAME", tags, "name of the image; may be given more than once");
  flags.add_text(format_names, "oci|docker", format_, "format of manifest and config");
  declare_config(flags);
  declare_times(flags);
  declare_layers(flags);
}

void ImageFlags::declare_config(FlagSet& flags) {
  flags.add("label", "KEY=VALUE", append_pair(labels_), "set a label of the image");
  flags.add_comma_list("unsetlabel", "KEY", unset_labels_, "remove a label");
  flags.add("annotation", "KEY=VALUE", append_pair(annotations_), "set an annotation of the image");
  flags.add_comma_list("unsetannotation", "KEY", unset_annotations_,
                       "remove an annotation that the base image has");
  flags.add_optional(
      "created-annotation", "", "true",
      [this](const std::string& text) { created_annotation_ = parse_bool(text); },
      "annotate the image with its time (default: if it has one)");
  flags.add_list("env", "NAME[=VALUE]", env_, "set a variable of the image's environment");
  flags.add_comma_list("unsetenv", "NAME", unset_env_,
                       "remove a variable of the image's environment");
  flags.add_bool("identity-label", identity_label_,
                 "label the image with bld's version (default true)");
  flags.add_bool("omit-history", omit_history_, "leave the history out of the image");
}

void ImageFlags::declare_times(FlagSet& flags) {
  flags.add(
      "timestamp", "SECONDS", [this](const std::string& text) { timestamp_ = parse_seconds(text); },
      "time since 1970 that is written into the image");
  flags.add(
      "source-date-epoch", "SECONDS",
      [this](const std::string& text) { source_date_epoch_ = parse_seconds(text); },
      "the same, and for the steps as SOURCE_DATE_EPOCH");
  flags.add_bool("rewrite-timestamp", rewrite_timestamp_,
                 "make files in new layers no younger than the timestamp");
}

void ImageFlags::declare_layers(FlagSet& flags) {
  flags.add_bool("squash,squash-all", squash_, "make one layer of the whole image");
  flags.add_optional(
      "layers", "", "true", [this](const std::string& text) { layers_ = parse_bool(text); },
      "a layer for each step (default true)");
}

void ImageFlags::apply(builder::BuildRequest& request) const {
  for (const std::string& tag : tags) apply_tag(tag, request);
  request.labels = labels_;
  request.annotations = annotations_;
  request.unset_annotations = unset_annotations_;
  request.created_annotation = created_annotation_;
  request.unset_env = unset_env_;
  request.unset_labels = unset_labels_;
  request.identity_label = identity_label_;
  request.omit_history = omit_history_;
  request.squash = squash_;
  const auto layers = environment_variable("BUILDAH_LAYERS");
  if (layers_) {
    request.layers = *layers_;
  } else if (layers) {
    request.layers = parse_bool(*layers);
  }
  // As in Buildah: what is not layered is done again each time.
  if (!request.layers) request.use_cache = false;
  if (!request.layers && !(request.cache_from.empty() && request.cache_to.empty())) {
    throw base::Error(
        "--cache-from and --cache-to share layers: --layers=false makes none of a step");
  }
  request.format = image_format(format_);
  apply_env(request);
  apply_times(request);
}

// A name, or a place with its transport. The storage of which Buildah speaks is our store.
void ImageFlags::apply_tag(const std::string& tag, builder::BuildRequest& request) {
  auto location = registry::parse_location(tag);
  if (location && location->kind == registry::TransportKind::kContainersStorage &&
      location->path.empty()) {
    request.tags.push_back(image::Reference::parse_local(location->reference).with_default_tag());
  } else if (location) {
    request.outputs.push_back(
        {.kind = builder::OutputKind::kLocation, .location = std::move(*location)});
  } else {
    request.tags.push_back(image::Reference::parse_local(tag).with_default_tag());
  }
}

void ImageFlags::apply_env(builder::BuildRequest& request) const {
  for (const std::string& text : env_) {
    const KeyAndValue variable = parse_key_value(text);
    const char* ours = std::getenv(variable.key.c_str());
    if (!variable.value && ours == nullptr) continue;
    request.env.emplace_back(variable.key, variable.value ? *variable.value : ours);
  }
}

void ImageFlags::apply_times(builder::BuildRequest& request) const {
  if (source_date_epoch_ && timestamp_) {
    throw Error("--timestamp and --source-date-epoch are used together");
  }
  const auto epoch = source_date_epoch_ ? source_date_epoch_ : epoch_of_environment();
  request.timestamp = timestamp_ ? timestamp_ : epoch;
  if (rewrite_timestamp_ && !request.timestamp) {
    throw Error("--rewrite-timestamp needs a time: --source-date-epoch or --timestamp");
  }
  if (timestamp_) {
    request.file_times = builder::FileTimes::kSet;
  } else if (rewrite_timestamp_) {
    request.file_times = builder::FileTimes::kClamp;
  }
  if (!epoch) return;
  request.build_args.insert(request.build_args.begin(),
                            {"SOURCE_DATE_EPOCH", std::to_string(*epoch)});
}

}  // namespace bld::cmd
