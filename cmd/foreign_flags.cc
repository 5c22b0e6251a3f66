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

constexpr const char* kNamePlatforms = "name them: --platform A,B --manifest NAME";
constexpr const char* kScan =
    "write the image with --output type=oci,dest=FILE and let a scanner read that";
constexpr const char* kCacheHere = "the cache is in the store: keep the directory of --root";
constexpr const char* kUsage = "/usr/bin/time -v bld build … tells it for the whole build";

}  // namespace

void declare_foreign_flags(FlagSet& flags) {
  flags.accept("force-rm", "", "nothing is left of a step but its layer");
  flags.accept("compress", "", "layers are compressed when they leave the store");
  flags.accept("disable-content-trust", "", "bld checks no signatures of Docker's notary");
  accept_only(flags, "rm", true, "a build of bld has no containers that could be kept");
  accept_only(flags, "disable-compression,D", true,
              "layers are compressed when they leave the store: --output type=oci, bld push");
  accept_only(flags, "provenance", false, "bld writes no attestations");
  accept_only(flags, "sbom", false, kScan);
  accept_only(flags, "all-platforms", false, kNamePlatforms);
  flags.refuse("attest", "bld writes no attestations");
  flags.refuse("builder", "bld builds by itself: leave the flag out");
  flags.refuse("layer-label", "bld makes no intermediate images; --label is for the image");
  for (const char* name : {"cache-from", "cache-to", "cache-ttl"}) flags.refuse(name, kCacheHere);
  flags.refuse("sign-by", "push the image, and sign it there: cosign sign, skopeo copy --sign-by");
  flags.refuse("cw", "make the disk image from --output type=tar");
  for (const char* name :
       {"sbom-output", "sbom-purl-output", "sbom-image-output", "sbom-image-purl-output",
        "sbom-scanner-image", "sbom-scanner-command", "sbom-merge-strategy"}) {
    flags.refuse(name, kScan);
  }
  flags.refuse("loglevel", "--progress says how much is told");
  flags.refuse("log-rusage", kUsage);
  flags.refuse("rusage-logfile", kUsage);
}

}  // namespace bld::cmd
