#include "cmd/build_metadata.h"

#include "base/json.h"
#include "base/text.h"
#include "image/media_type.h"

namespace bld::cmd {

std::string build_metadata(const builder::BuildRequest& request,
                           const builder::BuildResult& result) {
  const image::Descriptor& manifest = result.manifest;
  base::Json document = base::Json::object();
  document.add("containerimage.config.digest", result.image_id.str());
  document.add("containerimage.descriptor",
               base::Json::object()
                   .add("mediaType", image::media_type_text(manifest.media_type))
                   .add("digest", manifest.digest.str())
                   .add("size", static_cast<std::int64_t>(manifest.size)));
  document.add("containerimage.digest", manifest.digest.str());
  std::vector<std::string> names;
  for (const image::Reference& tag : request.tags) names.push_back(tag.str());
  if (!names.empty()) document.add("image.name", base::join(names, ","));
  return document.str(2) + "\n";
}

}  // namespace bld::cmd
