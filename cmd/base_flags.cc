#include "cmd/base_flags.h"

namespace bld::cmd {

void BaseFlags::declare(FlagSet& flags) {
  flags.add_bool("inherit-labels", inherit_labels_,
                 "keep the labels of the base image (default true)");
  flags.add_bool("inherit-annotations", inherit_annotations_,
                 "keep the annotations of the base image (default true)");
  flags.add_text("os-version", "VERSION", os_version_, "version of the OS that the image needs");
  flags.add_comma_list("os-feature", "NAME", os_features_,
                       "feature of the OS that the image needs; NAME- takes one away");
}

void BaseFlags::apply(builder::BuildRequest& request) const {
  request.inherit_labels = inherit_labels_;
  request.inherit_annotations = inherit_annotations_;
  request.os_version = os_version_;
  request.os_features = os_features_;
}

}  // namespace bld::cmd
