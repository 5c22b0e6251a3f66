#include "runtime/oci_bundle.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/id_map.h"
#include "runtime/limits.h"
#include "runtime/mount_plan.h"
#include "runtime/seccomp.h"

namespace bld::runtime {
namespace {

using base::Json;

Json number(std::uint64_t value) { return Json(static_cast<std::int64_t>(value)); }

Json list(std::initializer_list<const char*> words) {
  Json result = Json::array();
  for (const char* word : words) result.push(word);
  return result;
}

// setrlimit(2); those of limits() are among them.
const char* limit_name(int resource) {
  switch (resource) {
    case RLIMIT_AS:
      return "RLIMIT_AS";
    case RLIMIT_CORE:
      return "RLIMIT_CORE";
    case RLIMIT_CPU:
      return "RLIMIT_CPU";
    case RLIMIT_DATA:
      return "RLIMIT_DATA";
    case RLIMIT_FSIZE:
      return "RLIMIT_FSIZE";
    case RLIMIT_LOCKS:
      return "RLIMIT_LOCKS";
    case RLIMIT_MEMLOCK:
      return "RLIMIT_MEMLOCK";
    case RLIMIT_MSGQUEUE:
      return "RLIMIT_MSGQUEUE";
    case RLIMIT_NICE:
      return "RLIMIT_NICE";
    case RLIMIT_NOFILE:
      return "RLIMIT_NOFILE";
    case RLIMIT_NPROC:
      return "RLIMIT_NPROC";
    case RLIMIT_RSS:
      return "RLIMIT_RSS";
    case RLIMIT_RTPRIO:
      return "RLIMIT_RTPRIO";
    case RLIMIT_RTTIME:
      return "RLIMIT_RTTIME";
    case RLIMIT_SIGPENDING:
      return "RLIMIT_SIGPENDING";
    case RLIMIT_STACK:
      return "RLIMIT_STACK";
    default:
      throw base::Error("limit {} has no name in the runtime-spec", resource);
  }
}

// "Unlimited" is the largest unsigned number; the largest signed one is no limit either.
Json limit_value(std::uint64_t value) {
  return number(std::min(value, static_cast<std::uint64_t>(INT64_MAX)));
}

Json capabilities_of(const ContainerSpec& spec) {
  const Json names = Json::from(spec.capabilities.names());
  const Json own = spec.user.uid == 0 ? names : Json::array();
  Json json = Json::object();
  json.add("bounding", names).add("effective", own).add("permitted", own);
  json.add("inheritable", Json::array()).add("ambient", Json::array());
  return json;
}

Json user_of(const ContainerSpec& spec) {
  Json json = Json::object();
  json.add("uid", number(spec.user.uid)).add("gid", number(spec.user.gid));
  json.add("umask", number(spec.umask));
  Json groups = Json::array();
  for (const gid_t group : spec.user.groups) groups.push(number(group));
  json.add("additionalGids", std::move(groups));
  return json;
}

Json process_of(const ContainerSpec& spec) {
  Json json = Json::object();
  json.add("terminal", spec.console_socket_fd >= 0).add("user", user_of(spec));
  json.add("args", Json::from(spec.args)).add("env", Json::from(spec.env)).add("cwd", spec.cwd);
  json.add("capabilities", capabilities_of(spec));
  Json limits = Json::array();
  for (const Rlimit& limit : effective_limits(spec.rlimits)) {
    Json entry = Json::object();
    entry.add("type", limit_name(limit.resource));
    entry.add("soft", limit_value(limit.soft)).add("hard", limit_value(limit.hard));
    limits.push(std::move(entry));
  }
  json.add("rlimits", std::move(limits));
  json.add("noNewPrivileges", spec.no_new_privileges);
  return json;
}

Json mount(const char* destination, const char* type, const char* source, Json options) {
  Json json = Json::object();
  json.add("destination", destination).add("type", type).add("source", source);
  json.add("options", std::move(options));
  return json;
}

Json sys_mount(const ContainerSpec& spec) {
  return may_mount_sysfs(spec)
             ? mount("/sys", "sysfs", "sysfs", list({"nosuid", "noexec", "nodev", "ro"}))
             : mount("/sys", "bind", "/sys", list({"rbind", "nosuid", "noexec", "nodev", "ro"}));
}

Json kernel_mounts(const ContainerSpec& spec) {
  Json result = Json::array();
  result.push(mount("/proc", "proc", "proc", list({"nosuid", "noexec", "nodev"})));
  result.push(sys_mount(spec));
  result.push(mount("/dev", "tmpfs", "tmpfs", list({"nosuid", "noexec", "mode=755", "size=64m"})));
  Json pts = list({"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"});
  if (is_mapped(current_gid_map(), 5)) pts.push("gid=5");
  result.push(mount("/dev/pts", "devpts", "devpts", std::move(pts)));
  if (spec.shared.ipc) {
    for (const char* path : {"/dev/shm", "/dev/mqueue"}) {
      if (!std::filesystem::exists(path)) continue;
      result.push(mount(path, "bind", path, list({"rbind", "nosuid", "noexec", "nodev"})));
    }
    return result;
  }
  Json shm = list({"nosuid", "noexec", "nodev", "mode=1777"});
  shm.push("size=" + std::to_string(spec.shm_size_bytes));
  result.push(mount("/dev/shm", "tmpfs", "shm", std::move(shm)));
  result.push(mount("/dev/mqueue", "mqueue", "mqueue", list({"nosuid", "noexec", "nodev"})));
  return result;
}

Json mounts_of(const ContainerSpec& spec, const std::vector<BundleMount>& mounts) {
  Json result = kernel_mounts(spec);
  for (const BundleMount& bind : mounts) {
    Json options = list({"rbind", "rprivate"});
    for (const std::string& option : bind.options) options.push(option);
    result.push(mount(bind.destination.c_str(), "bind", bind.source.c_str(), std::move(options)));
  }
  return result;
}

Json action_into(Json json, const char* key, const char* error_key,
                 const SeccompPolicy::Action& action) {
  json.add(key, action.name);
  if (action.name == "SCMP_ACT_ERRNO") json.add(error_key, number(action.error));
  return json;
}

Json seccomp_of(const SeccompPolicy& policy) {
  Json json =
      action_into(Json::object(), "defaultAction", "defaultErrnoRet", policy.default_action);
  Json architectures = Json::array();
  architectures.push(native_seccomp_architecture());
  for (const std::string& name : policy.architectures) {
    if (name != native_seccomp_architecture()) architectures.push(name);
  }
  json.add("architectures", std::move(architectures));
  Json rules = Json::array();
  for (const SeccompPolicy::Rule& rule : policy.rules) {
    Json entry = Json::object();
    entry.add("names", Json::from(rule.names));
    entry = action_into(std::move(entry), "action", "errnoRet", rule.action);
    Json arguments = Json::array();
    for (const SeccompPolicy::Argument& argument : rule.arguments) {
      Json test = Json::object();
      test.add("index", number(argument.index)).add("value", number(argument.value));
      test.add("valueTwo", number(argument.second_value)).add("op", argument.comparison);
      arguments.push(std::move(test));
    }
    entry.add("args", std::move(arguments));
    rules.push(std::move(entry));
  }
  json.add("syscalls", std::move(rules));
  return json;
}

void add_masks(Json& linux_part, const ContainerSpec& spec) {
  Json masked = Json::from(spec.kernel_files.masked);
  if (!spec.shared.cgroup) masked.push("/sys/fs/cgroup");
  linux_part.add("maskedPaths", std::move(masked));
  linux_part.add("readonlyPaths", Json::from(spec.kernel_files.read_only));
}

// The network namespace is the one that the runtime is started in.
Json linux_of(const ContainerSpec& spec) {
  Json namespaces = Json::array();
  const auto add = [&namespaces](const char* name) {
    Json entry = Json::object();
    entry.add("type", name);
    namespaces.push(std::move(entry));
  };
  add("pid");
  add("mount");
  if (!spec.shared.ipc) add("ipc");
  if (!spec.shared.uts) add("uts");
  Json json = Json::object();
  json.add("namespaces", std::move(namespaces));
  add_masks(json, spec);
  if (spec.seccomp == Seccomp::kDefault) {
    json.add("seccomp", seccomp_of(default_seccomp_policy(spec.capabilities)));
  } else if (spec.seccomp == Seccomp::kCustom) {
    json.add("seccomp", seccomp_of(spec.seccomp_policy));
  }
  return json;
}

std::string program_name(const OciRuntime& runtime) {
  return std::filesystem::path(runtime.program).filename();
}

}  // namespace

std::string bundle_config(const ContainerSpec& spec, const std::vector<BundleMount>& mounts) {
  Json root = Json::object();
  root.add("path", "rootfs");
  Json json = Json::object();
  json.add("ociVersion", "1.0.2").add("process", process_of(spec)).add("root", std::move(root));
  if (!spec.shared.uts) json.add("hostname", spec.hostname);
  json.add("mounts", mounts_of(spec, mounts));
  json.add("linux", linux_of(spec));
  return json.str(1);
}

std::string find_oci_runtime(const OciRuntime& runtime) {
  const std::string shown = base::printable(runtime.program);
  if (runtime.program.find('/') == std::string::npos) {
    const std::string found = base::find_program(runtime.program);
    if (!found.empty()) return std::filesystem::canonical(found);
    throw base::Error("the OCI runtime \"{}\" is not in PATH", shown)
        .hint(
            "sudo apt install crun (or runc), name its path, or leave --runtime out: bld needs "
            "none");
  }
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(runtime.program, error);
  if (!error && std::filesystem::is_regular_file(path, error) &&
      ::access(path.c_str(), X_OK) == 0) {
    return path;
  }
  throw base::Error("the OCI runtime \"{}\" is not there or cannot be executed", shown)
      .hint("leave --runtime out: bld needs none");
}

std::vector<std::string> oci_runtime_command(const OciRuntime& runtime,
                                             const std::string& directory) {
  const std::string name = program_name(runtime);
  std::vector<std::string> command{name, "--root", directory + "/state"};
  // bld limits the container, and a group that the runtime makes would outlive a SIGKILL.
  if (name.starts_with("crun")) command.emplace_back("--cgroup-manager=disabled");
  if (name.starts_with("runc")) command.emplace_back("--rootless=true");
  // What goes wrong there is told from a command that fails: MountPlan::runtime_error().
  if (name.starts_with("crun") || name.starts_with("runc")) {
    command.insert(command.end(), {"--log", directory + "/log"});
  }
  for (const std::string& flag : runtime.flags) {
    command.push_back(flag.starts_with("-") ? flag : "--" + flag);
  }
  command.insert(command.end(), {"run", "--bundle", directory, "bld"});
  return command;
}

}  // namespace bld::runtime
