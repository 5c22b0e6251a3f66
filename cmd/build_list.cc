#include "cmd/build_list.h"

#include "base/error.h"
#include "builder/platforms.h"

namespace bld::cmd {

void check_list_name(store::Store& store, const std::string& name) {
  if (store.find_list(name)) return;
  if (store.find_image(image::Reference::parse_local(name).with_default_tag())) {
    throw base::Error("{}: image is not a manifest list", name);
  }
}

std::string add_to_list(store::Store& store, const std::string& name,
                        const std::vector<builder::BuildResult>& images) {
  const auto add_images = [&](store::ManifestList& list) {
    image::Index index = image::Index::parse(list.document);
    for (const builder::BuildResult& image : images) builder::put_image(index, image, store);
    list.document = index.json();
  };
  if (store.find_list(name)) return store.edit_list(name, add_images).id;
  store::ManifestList list;
  list.name = image::Reference::parse_local(name).with_default_tag().str();
  list.document = image::Index().json();
  add_images(list);
  return store.create_list(list).id;
}

std::string name_lists(store::Store& store, const std::vector<image::Reference>& names,
                       const image::Index& index) {
  std::string id;
  for (const image::Reference& name : names) {
    const auto list = store.create_list(
        {.id = {}, .name = name.str(), .document = index.json(), .created_at = {}},
        store::Store::TakenName::kReplace);
    if (id.empty()) id = list.id;
  }
  return id;
}

}  // namespace bld::cmd
