#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "runtime/child_plan.h"

namespace bld::runtime {
namespace {

// Both directions walk the same fields(), so they cannot disagree.
class Encoder {
 public:
  template <typename T>
  requires std::is_trivially_copyable_v<T>

  void operator()(const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  void operator()(const std::string& text) {
    (*this)(text.size());
    bytes += text;
  }

  template <typename T>
  void operator()(const std::vector<T>& values) {
    (*this)(values.size());
    for (const T& value : values) (*this)(value);
  }

  std::string bytes;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  requires std::is_trivially_copyable_v<T>

  void operator()(T& value) { std::memcpy(&value, take(sizeof value).data(), sizeof value); }

  void operator()(std::string& text) {
    std::size_t size = 0;
    (*this)(size);
    text = take(size);
  }

  template <typename T>
  void operator()(std::vector<T>& values) {
    std::size_t size = 0;
    (*this)(size);
    BLD_CHECK(size <= rest_.size());
    values.resize(size);
    for (T& value : values) (*this)(value);
  }

 private:
  std::string_view take(std::size_t size) {
    BLD_CHECK(size <= rest_.size());
    const std::string_view front = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return front;
  }

  std::string_view rest_;
};

template <typename Archive, typename Plan>
void fields(Archive& archive, Plan& plan) {
  archive(plan.root);
  archive(plan.is_chroot);
  archive(plan.bundle);
  archive(plan.network);
  archive(plan.input);
  archive(plan.output);
  archive(plan.error);
  archive(plan.console);
  archive(plan.cgroups);
  archive(plan.mounts);
  archive(plan.hostname);
  archive(plan.cwd);
  archive(plan.shm_options);
  archive(plan.pts_options);
  archive(plan.args);
  archive(plan.env);
  archive(plan.programs);
  archive(plan.uid);
  archive(plan.gid);
  archive(plan.groups);
  archive(plan.capabilities);
  archive(plan.no_new_privileges);
  archive(plan.masked);
  archive(plan.read_only);
  archive(plan.filter);
  archive(plan.emulation);
  archive(plan.rlimits);
  archive(plan.umask);
  archive(plan.shared);
}

}  // namespace

std::string encode(const ChildPlan& plan) {
  Encoder encoder;
  fields(encoder, plan);
  return std::move(encoder.bytes);
}

ChildPlan decode(std::string_view bytes) {
  ChildPlan plan;
  Decoder decoder(bytes);
  fields(decoder, plan);
  return plan;
}

const char* stage_name(Stage stage) {
  constexpr const char* kNames[] = {"clone",
                                    "entering the control group",
                                    "setns",
                                    "sethostname",
                                    "mounting the root filesystem",
                                    "mount",
                                    "pivot_root",
                                    "umount of the old root",
                                    "masking /proc and /sys",
                                    "mounting the bundle",
                                    "standard input and output",
                                    "terminal",
                                    "fork",
                                    "setrlimit",
                                    "chdir",
                                    "capset",
                                    "setgroups",
                                    "setresuid",
                                    "seccomp",
                                    "exec",
                                    "chroot"};
  return kNames[static_cast<std::uint32_t>(stage)];
}

}  // namespace bld::runtime
