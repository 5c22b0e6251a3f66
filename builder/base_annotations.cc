#include "builder/base_annotations.h"

#include "image/digest.h"

namespace bld::builder {

namespace {

constexpr const char* kBaseName = "org.opencontainers.image.base.name";
constexpr const char* kBaseDigest = "org.opencontainers.image.base.digest";

}  // namespace

Annotations inherited_annotations(const std::string& digest, store::Store& store) {
  Annotations annotations = store.read_manifest(image::Digest::parse(digest)).annotations;
  for (const char* own : {kBaseName, kBaseDigest, kCreatedAnnotation}) annotations.erase(own);
  return annotations;
}

void name_base(Annotations& annotations, const std::string& name, const std::string& digest) {
  if (!name.empty()) annotations[kBaseName] = name;
  if (!digest.empty()) annotations[kBaseDigest] = digest;
}

}  // namespace bld::builder
