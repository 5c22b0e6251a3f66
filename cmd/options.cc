#include "cmd/options.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "cmd/containers_conf.h"
#include "cmd/foreign_flags.h"
#include "dockerfile/values.h"

namespace bld::cmd {

using base::Error;

namespace {

// Buildah takes a bare number for seconds.
std::chrono::milliseconds parse_delay(const std::string& text) {
  constexpr long long kMillisecond = 1'000'000;
  const long long delay = base::parse_unsigned(text) ? dockerfile::parse_duration_ns(text + "s")
                                                     : dockerfile::parse_duration_ns(text);
  if (delay < 0) throw Error("\"{}\" is no delay", text);
  return std::chrono::milliseconds(delay / kMillisecond);
}

}  // namespace

void ConnectionFlags::declare(FlagSet& flags) {
  flags.add_text("authfile", "FILE", auth_file_, "file with credentials of registries");
  flags.add_text("cert-dir", "DIR", cert_dir_, "directory with certificates of the registry");
  // Its value is a secret, which no message may repeat.
  flags.add_text("creds", "USER:PASSWORD", credentials_, "credentials for the registry");
  flags.add_bool("tls-verify", tls_verify_,
                 "require HTTPS with a verified certificate (default true)");
  flags.add(
      "retry", "N",
      [this](const std::string& text) {
        const auto number = base::parse_unsigned(text);
        if (!number || *number > 100) throw Error("\"{}\" is no number of retries", text);
        tries_ = static_cast<int>(*number) + 1;
      },
      "how often a request to a registry is repeated (default 5)");
  flags.add(
      "retry-delay", "DURATION",
      [this](const std::string& text) { retry_delay_ = parse_delay(text); },
      "before the first repetition, then doubled (default 1s)");
  flags.add_text("signature-policy", "FILE", policy_file_, "policy.json to follow");
  flags.accept("blob-cache", "DIR", "the store keeps blobs as they come and go");
  refuse_decryption(flags);
}

registry::ConnectionOptions ConnectionFlags::options() const {
  registry::ConnectionOptions options;
  options.tls_verify = tls_verify_;
  options.auth_file = auth_file_;
  if (!auth_file_.empty() && ::access(auth_file_.c_str(), F_OK) != 0) {
    throw Error::sys("stat", auth_file_).add_context("checking authfile");
  }
  if (auth_file_.empty()) {
    options.auth_file = environment_variable("REGISTRY_AUTH_FILE").value_or("");
  }
  options.cert_dir = cert_dir_;
  options.policy_file = policy_file_;
  const ContainersConf& conf = ContainersConf::here();
  if (conf.retry)
    options.tries = static_cast<int>(std::clamp<std::int64_t>(*conf.retry, 0, 100)) + 1;
  if (!conf.retry_delay.empty()) options.first_retry_pause = parse_delay(conf.retry_delay);
  if (tries_) options.tries = *tries_;
  if (retry_delay_) options.first_retry_pause = *retry_delay_;
  if (!credentials_.empty()) {
    const auto [user, password] = parse_credentials(credentials_);
    options.user = user;
    options.password = password;
  }
  return options;
}

void PlatformFlags::declare(FlagSet& flags) {
  flags.add_text("os", "OS", os_, "operating system of the image");
  flags.add_text("arch", "ARCH", arch_, "architecture of the image");
  flags.add_text("variant", "VARIANT", variant_, "variant of the architecture");
  flags.add_comma_list("platform", "OS/ARCH[/VARIANT]", platforms_, "platform of the image");
}

std::optional<image::Platform> PlatformFlags::platform() const {
  const std::vector<image::Platform> all = platforms();
  if (all.size() > 1) throw Error("one platform is needed, not several");
  return all.empty() ? std::nullopt : std::optional(all.front());
}

std::vector<image::Platform> PlatformFlags::platforms() const {
  const bool has_parts = !os_.empty() || !arch_.empty() || !variant_.empty();
  if (platforms_.empty() && !has_parts) return {};
  if (!platforms_.empty() && has_parts) {
    throw Error("invalid --platform may not be used with --os, --arch, or --variant");
  }
  std::vector<image::Platform> all;
  for (const std::string& text : platforms_) all.push_back(image::Platform::parse(text));
  if (all.empty()) all.push_back(image::Platform::host());
  image::Platform& first = all.front();
  if (!os_.empty()) first.os = os_;
  if (!arch_.empty()) {
    first.architecture = arch_;
    first.variant.clear();
  }
  if (!variant_.empty()) first.variant = variant_;
  first = image::normalized(first);
  return all;
}

void PullFlags::declare(FlagSet& flags) {
  flags.add_optional(
      "pull", "POLICY", "true",
      [this](const std::string& text) { policy_ = parse_pull_policy(text); },
      "when to look for the image in its registry: always, missing, newer, never");
  flags.add_optional(
      "pull-always", "", "true",
      [this](const std::string& text) {
        if (parse_bool(text)) policy_ = builder::PullPolicy::kAlways;
      },
      "");
  flags.add_optional(
      "pull-never", "", "true",
      [this](const std::string& text) {
        if (parse_bool(text)) policy_ = builder::PullPolicy::kNever;
      },
      "");
}

void add_fixed_bool(FlagSet& flags, std::string_view names, bool value, std::string help) {
  const std::string name = base::split(names, ',').front();
  flags.add_optional(
      names, "", "true",
      [name, value](const std::string& text) {
        if (parse_bool(text) == value) return;
        throw Error("--{}={} is not supported by bld yet", name, text);
      },
      std::move(help));
}

std::uint64_t parse_bytes(std::string_view text) {
  std::string_view digits = text;
  if (digits.ends_with('B') || digits.ends_with('b')) digits.remove_suffix(1);
  std::uint64_t unit = 1;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'k':
      case 'K':
        unit = 1ULL << 10;
        break;
      case 'm':
      case 'M':
        unit = 1ULL << 20;
        break;
      case 'g':
      case 'G':
        unit = 1ULL << 30;
        break;
      case 't':
      case 'T':
        unit = 1ULL << 40;
        break;
      default:
        break;
    }
  }
  if (unit > 1) digits.remove_suffix(1);
  const auto number = base::parse_unsigned(digits);
  if (!number || *number > std::numeric_limits<std::int64_t>::max() / unit) {
    throw Error("\"{}\" is no size, as \"64m\" is", text);
  }
  return *number * unit;
}

builder::PullPolicy parse_pull_policy(std::string_view text) {
  const std::string word = base::to_lower(text);
  if (word == "always") return builder::PullPolicy::kAlways;
  if (word == "missing" || word == "ifmissing" || word == "notpresent" || word == "false") {
    return builder::PullPolicy::kMissing;
  }
  if (word == "newer" || word == "ifnewer" || word == "true") return builder::PullPolicy::kNewer;
  if (word == "never") return builder::PullPolicy::kNever;
  throw Error("unrecognized pull policy \"{}\": must be always, missing, newer or never", text);
}

registry::Location location_of(const std::string& text) {
  if (const auto location = registry::parse_location(text)) return *location;
  return {.kind = registry::TransportKind::kDocker,
          .path = {},
          .reference = image::Reference::parse(text).with_default_tag().str()};
}

UserAndPassword parse_credentials(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == 0) throw Error("--creds: the user's name is empty");
  if (colon == std::string::npos) throw Error("--creds: a password is missing (USER:PASSWORD)");
  return {text.substr(0, colon), text.substr(colon + 1)};
}

KeyAndValue parse_key_value(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (text.empty() || equals == 0) throw Error("a name is missing in \"{}\"", text);
  if (equals == std::string::npos) return {text, std::nullopt};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

registry::ManifestFormat parse_manifest_format(const std::string& text) {
  if (text == "oci") return registry::ManifestFormat::kOci;
  if (text == "v2s2" || text == "docker") return registry::ManifestFormat::kDocker;
  if (text == "v2s1") throw Error("this format is not supported by bld yet");
  throw Error("unknown format \"{}\": must be oci or v2s2", text);
}

}  // namespace bld::cmd
