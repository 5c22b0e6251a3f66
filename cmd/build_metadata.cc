#include "cmd/build_metadata.h"

#include "base/json.h"
#include "base/text.h"
#include "image/media_type.h"

namespace bld::cmd {

std::string build_metadata(const std::vector<image::Reference>& names,
                           const image::Descriptor& manifest,
                           const std::optional<image::Digest>& image_id) {
  base::Json document = base::Json::object();
  if (image_id) document.add("containerimage.config.digest", image_id->str());
  document.add("containerimage.descriptor",
               base::Json::object()
                   .add("mediaType", image::media_type_text(manifest.media_type))
                   .add("digest", manifest.digest.str())
                   .add("size", static_cast<std::int64_t>(manifest.size)));
  document.add("containerimage.digest", manifest.digest.str());
  std::vector<std::string> texts;
  for (const image::Reference& name : names) texts.push_back(name.str());
  if (!texts.empty()) document.add("image.name", base::join(texts, ","));
  return document.str(2) + "\n";
}

}  // namespace bld::cmd
