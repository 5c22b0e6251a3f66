// The configuration of an image (image-spec config.md, and what Docker adds to it).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/digest.h"
#include "image/platform.h"

namespace bld::image {

struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", …}, {"CMD-SHELL", text}
  std::chrono::nanoseconds interval{}, timeout{}, start_period{}, start_interval{};
  int retries = 0;  // zeros: not given
  bool operator==(const Healthcheck&) const = default;
};

// The object "config": how containers are to be run.
struct RunConfig {
  std::string user;
  std::vector<std::string> exposed_ports;  // "80/tcp", sorted
  std::vector<std::string> env;            // "NAME=value"
  std::optional<std::vector<std::string>> entrypoint, cmd;
  std::vector<std::string> volumes;  // sorted
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  std::string hostname, domainname;  // Docker's
  bool operator==(const RunConfig&) const = default;
};

struct History {
  std::string created;  // RFC 3339; empty: not given
  std::string created_by, author, comment;
  bool empty_layer = false;
  bool operator==(const History&) const = default;
};

struct ImageConfig {
  std::string created;  // RFC 3339; empty: not given
  std::string author;
  std::string comment;  // Docker's
  std::string parent;   // Docker's: "sha256:…", the ID of the image that it stands on
  Platform platform;
  RunConfig config;
  std::vector<DiffId> diff_ids;
  std::vector<History> history;

  // Strict: wrong types, doubled keys, trailing bytes and more than 4 MiB are Errors.
  static ImageConfig parse(std::string_view json);
  // Byte-stable, without blanks: the same value is always the same text.
  std::string json() const;

  bool operator==(const ImageConfig&) const = default;
};

// "1970-01-01T00:00:00Z"
std::string format_time(std::chrono::sys_seconds time);
// RFC 3339, with any fraction of a second and any offset; nothing where it is none.
std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);

}  // namespace bld::image
