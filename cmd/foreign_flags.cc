#include "cmd/foreign_flags.h"

#include <string>
#include <utility>

#include "base/error.h"

namespace bld::cmd {

using base::Error;

namespace {

// Only the value that describes what bld does anyway.
void accept_only(FlagSet& flags, std::string name, bool value, std::string hint) {
  flags.add_optional(
      name, "", "true",
      [name, value, hint = std::move(hint)](const std::string& text) {
        if (read_bool(text) == value) return;
        Error error("--{}={} is not supported by bld yet", name, text);
        error.hint(hint);
        throw error;
      },
      "");
}

constexpr const char* kScan =
    "write the image with --output type=oci,dest=FILE and let a scanner read that";
constexpr const char* kSignThere =
    "push the image, and sign it there: cosign sign, skopeo copy --sign-by";
constexpr const char* kDiskImage = "make the disk image from --output type=tar";

void refuse_scanners(FlagSet& flags) {
  for (const char* name :
       {"sbom-output", "sbom-purl-output", "sbom-image-output", "sbom-image-purl-output",
        "sbom-scanner-image", "sbom-scanner-command", "sbom-merge-strategy"}) {
    flags.refuse(name, kScan);
  }
}

}  // namespace

void declare_foreign_flags(FlagSet& flags) {
  flags.accept("force-rm", "", "nothing is left of a step but its layer");
  flags.accept("compress", "", "layers are compressed when they leave the store");
  flags.accept("layer-label", "KEY[=VALUE]", "there are no intermediate images");
  flags.accept("disable-content-trust", "", "bld checks no signatures of Docker's notary");
  flags.accept("loglevel", "N",
               "it has no effect in Buildah either; --progress says how much is told");
  accept_only(flags, "rm", true, "a build of bld has no containers that could be kept");
  accept_only(flags, "disable-compression,D", true,
              "layers are compressed when they leave the store: --output type=oci, bld push");
  accept_only(flags, "provenance", false, "bld writes no attestations");
  accept_only(flags, "sbom", false, kScan);
  flags.refuse("attest", "bld writes no attestations");
  flags.refuse("builder", "bld builds by itself: leave the flag out");
  flags.refuse("sign-by", kSignThere);
  flags.refuse("cw", kDiskImage);
  refuse_scanners(flags);
}

void declare_commit_foreign_flags(FlagSet& flags) {
  flags.accept("pull", "POLICY", "it is about the scanner of --sbom, which bld does not have");
  flags.accept("omit-timestamp", "", "an image has no time of its own unless it is given");
  flags.refuse("sbom", kScan);
  refuse_scanners(flags);
  flags.refuse("sign-by", kSignThere);
  flags.refuse("cw", "commit, and make the disk image from bld mount");
  refuse_encryption(flags);
}

void refuse_encryption(FlagSet& flags) {
  for (const char* name : {"encryption-key", "encrypt-layer"}) {
    flags.refuse(name, "push the image, and encrypt it there: skopeo copy --encryption-key");
  }
}

void refuse_decryption(FlagSet& flags) {
  flags.refuse("decryption-key",
               "decrypt it first: skopeo copy --decryption-key KEY docker://IMAGE oci:DIR");
}

}  // namespace bld::cmd
