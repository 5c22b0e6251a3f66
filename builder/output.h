// Where the result of a build goes besides the store: what --output asks for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "image/reference.h"
#include "layers/compression.h"
#include "registry/transport.h"

namespace bld::builder {

enum class OutputKind {
  kDirectory,      // the files of the image
  kTar,            // the same as one tar
  kOciArchive,     // the image as a tar of an OCI layout
  kOciLayout,      // the image as a directory
  kDockerArchive,  // the image as `docker load` reads it
  kRegistry,       // the image, to the registries of its names
  kLocation,       // the image, to a place that --tag names with its transport
};

// Whose the files of a kDirectory are: those in the image say it, or all are the caller's.
enum class FileOwners { kOfImage, kCaller };

struct Output {
  OutputKind kind = OutputKind::kDirectory;
  // Absolute; empty: standard output, or none (kRegistry).
  std::filesystem::path destination = {};
  // In archives and layouts; empty: the names of the image.
  std::vector<image::Reference> names = {};
  // Of layers that are not compressed yet, in OCI archives, layouts and registries.
  layers::Compression compression = layers::Compression::kGzip;
  int compression_level = 0;  // 0: the usual one
  bool force_compression = false;
  FileOwners owners = FileOwners::kCaller;
  registry::Location location = {};  // of kLocation

  bool to_standard_output() const {
    return destination.empty() && kind != OutputKind::kRegistry && kind != OutputKind::kLocation;
  }
};

}  // namespace bld::builder
