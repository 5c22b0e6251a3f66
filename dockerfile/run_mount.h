// The small language of RUN --mount=.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bld::dockerfile {

struct RunMount {
  enum class Type { kBind, kCache, kTmpfs, kSecret, kSsh };
  enum class Sharing { kShared, kPrivate, kLocked };

  Type type = Type::kBind;
  std::string target;  // as written: empty or relative is for the builder to complete
  std::string source;
  std::string from;        // stage, image or named context; empty is the build context
  std::string id;          // cache, secret, ssh; empty if not given
  bool read_only = false;  // bind: true unless rw was given
  Sharing sharing = Sharing::kShared;
  std::optional<std::uint64_t> size_bytes;  // tmpfs
  std::optional<unsigned> mode;
  std::optional<unsigned> uid;
  std::optional<unsigned> gid;
  bool required = false;
  std::optional<std::string> env;  // secret
  // Buildah's additions. `relabel` is empty, "shared" (z) or "private" (Z).
  std::string relabel;
  bool chown_to_user = false;  // U
  std::string bind_propagation;
  bool nosuid = false, nodev = false, noexec = false;
  bool copy_up = false;  // tmpfs: begin with what the image has there (tmpcopyup)
};

// For each value: expand_word() with what is in force. Keys are not expanded, and neither is
// `from`, in which a variable is an error.
using ExpandValue = std::function<std::string(std::string_view)>;

// Throws base::Error, with a suggestion in its hint for an unknown key or type.
RunMount parse_run_mount(std::string_view text);
RunMount parse_run_mount(std::string_view text, const ExpandValue& expand);

// Throws what is wrong whatever the variables are.
void check_run_mount(std::string_view text);

// The value of from= alone, for text whose other values still hold variables.
std::string run_mount_from(std::string_view text);

}  // namespace bld::dockerfile
