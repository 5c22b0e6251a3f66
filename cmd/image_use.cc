#include "cmd/image_use.h"

namespace bld::cmd {

bool is_used_by_container(store::Store& store, const store::ImageRecord& image) {
  for (const store::Container& container : store.containers()) {
    if (container.image_manifest == image.manifest_digest) return true;
  }
  return false;
}

}  // namespace bld::cmd
