// Sealed layers, configuration and history as an image in the store.
#pragma once

#include "builder/build.h"
#include "builder/build_request.h"
#include "builder/snapshot.h"
#include "builder/step.h"

namespace bld::builder {

// What the layers of the result are made of.
struct AssembledLayers {
  std::vector<image::DiffId> layers;  // lowest first
  // For each entry of Plan::history whether it made one of them.
  std::vector<bool> made_layer;
};

// Config and manifest as an image without a name; the manifest comes to name the config. Their
// layers are in the store. Gives the manifest as it is stored.
image::Descriptor put_image(store::Transaction& transaction, const image::ImageConfig& config,
                            image::Manifest& manifest);

// Writes config and manifest, and gives the image its names, all at once. Layers that came with a
// base image keep the blobs that they have; new ones are named by their uncompressed tar.
BuildResult assemble(const Plan& plan, const AssembledLayers& layers, const BuildRequest& request,
                     store::Store& store);

}  // namespace bld::builder
