// The images of podman and buildah, read where they are: the store of the library
// containers/storage, with its drivers overlay and vfs.
//
// A layer is a directory of files there, and beside it what tar-split kept of its tar. Together
// they are that tar again, to the byte: so the image keeps its manifest, its config and its ID, and
// no owner or attribute of the files is looked at, only their contents.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "registry/image_endpoint.h"
#include "registry/transport.h"

namespace bld::registry {

// What came of looking for an image in a store.
struct StoredElsewhere {
  std::unique_ptr<ImageSource> source;  // null: `why_not`
  std::string why_not;
};

// `from` is of kContainersStorage. While the source is there its layers stay: it holds the locks
// that the library's readers hold, for which it waits. Its names() is the one by which it was
// found. Not for images without tar-split, or of another driver: podman alone reads those.
StoredElsewhere find_in_containers_storage(const Location& from, const std::stop_token& stop);

}  // namespace bld::registry
