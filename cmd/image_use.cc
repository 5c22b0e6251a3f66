#include "cmd/image_use.h"

#include "image/manifest.h"

namespace bld::cmd {

bool is_used_by_container(store::Store& store, const store::ImageRecord& image) {
  for (const store::Container& container : store.containers()) {
    if (container.image_manifest == image.manifest_digest) return true;
  }
  return false;
}

std::set<image::Digest> manifests_in_lists(store::Store& store) {
  std::set<image::Digest> manifests;
  for (const store::ManifestList& list : store.lists()) {
    for (const image::Descriptor& entry : image::Index::parse(list.document).manifests) {
      manifests.insert(entry.digest);
    }
  }
  return manifests;
}

}  // namespace bld::cmd
