#include "cmd/build_list.h"

#include "image/manifest.h"

namespace bld::cmd {

namespace {

void put_entry(image::Index& index, const image::Descriptor& entry) {
  std::erase_if(index.manifests, [&](const image::Descriptor& other) {
    return other.digest == entry.digest || other.platform == entry.platform;
  });
  index.manifests.push_back(entry);
}

}  // namespace

std::string add_to_list(store::Store& store, const std::string& name,
                        const std::vector<builder::BuildResult>& images) {
  const auto add_images = [&](store::ManifestList& list) {
    image::Index index = image::Index::parse(list.document);
    for (const builder::BuildResult& image : images) {
      image::Descriptor entry = image.manifest;
      entry.platform = store.read_config(image.image_id).platform;
      put_entry(index, entry);
    }
    list.document = index.json();
  };
  if (store.find_list(name)) return store.edit_list(name, add_images).id;
  store::ManifestList list;
  list.name = image::Reference::parse_local(name).with_default_tag().str();
  list.document = image::Index().json();
  add_images(list);
  return store.create_list(list).id;
}

}  // namespace bld::cmd
