// Names of images: docker.io/library/alpine:3.20@sha256:… (distribution-spec, reference grammar).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "image/digest.h"

namespace bld::image {

class Reference {
 public:
  // As Docker reads what people type: "alpine" is docker.io/library/alpine. No tag is added.
  // Throws Error ("repository name must be lowercase", …).
  static Reference parse(std::string_view text);
  // As Buildah names what it makes: a name without a registry is localhost/NAME.
  static Reference parse_local(std::string_view text);

  const std::string& registry() const { return registry_; }  // "docker.io", "localhost:5000"

  const std::string& repository() const { return repository_; }  // "library/alpine"

  const std::string& tag() const { return tag_; }  // empty: none

  const std::optional<Digest>& digest() const { return digest_; }

  Reference with_tag(std::string_view tag) const;
  Reference with_digest(Digest digest) const;
  Reference with_default_tag() const;  // ":latest" where there is neither tag nor digest

  std::string name() const;      // registry/repository
  std::string str() const;       // in full
  std::string familiar() const;  // as people write it: without docker.io/library/

  auto operator<=>(const Reference&) const = default;

 private:
  std::string registry_, repository_, tag_;
  std::optional<Digest> digest_;
};

}  // namespace bld::image
