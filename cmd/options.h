// Flags that several commands share, and the words in which their values are written.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builder/build_request.h"
#include "cmd/flags.h"
#include "image/platform.h"
#include "registry/copy_image.h"
#include "registry/transport.h"

namespace bld::cmd {

// --authfile, --cert-dir, --creds, --tls-verify, --signature-policy, --retry, --retry-delay.
class ConnectionFlags {
 public:
  void declare(FlagSet& flags);
  // With REGISTRY_AUTH_FILE where no --authfile was given, and retries as containers.conf has them.
  registry::ConnectionOptions options() const;

 private:
  bool tls_verify_ = true;
  std::string auth_file_, cert_dir_, credentials_, policy_file_;
  std::optional<int> tries_;
  std::optional<std::chrono::milliseconds> retry_delay_;
};

// --os, --arch, --variant, --platform.
class PlatformFlags {
 public:
  void declare(FlagSet& flags);
  std::optional<image::Platform> platform() const;  // nothing: this machine's
  // For who can take several, in the order given; empty: this machine's.
  std::vector<image::Platform> platforms() const;

 private:
  std::string os_, arch_, variant_;
  std::vector<std::string> platforms_;
};

// --pull[=POLICY], --pull-always, --pull-never.
class PullFlags {
 public:
  void declare(FlagSet& flags);

  builder::PullPolicy policy() const { return policy_; }

 private:
  builder::PullPolicy policy_ = builder::PullPolicy::kMissing;
};

// A flag of Buildah that describes what bld does anyway: any other value is refused.
void add_fixed_bool(FlagSet& flags, std::string_view names, bool value, std::string help);

// "64m", "1g", "1024": bytes, with b, k, m, g as units of 1024.
std::uint64_t parse_bytes(std::string_view text);

// "always", "missing", "never", "newer"…
builder::PullPolicy parse_pull_policy(std::string_view text);

// "oci", "v2s2" or "docker".
registry::ManifestFormat parse_manifest_format(const std::string& text);

// A name without a transport is that of a registry.
registry::Location location_of(const std::string& text);

// "user:password"
struct UserAndPassword {
  std::string user, password;
};

UserAndPassword parse_credentials(const std::string& text);

// "KEY=VALUE"; nothing is after a missing "=".
struct KeyAndValue {
  std::string key;
  std::optional<std::string> value;
};

KeyAndValue parse_key_value(const std::string& text);

// The variable of our environment, or nothing; an empty one counts as missing.
std::optional<std::string> environment_variable(const char* name);

}  // namespace bld::cmd
