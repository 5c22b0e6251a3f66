#include "builder/confinement.h"

#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/json.h"
#include "base/text.h"
#include "image/platform.h"

namespace bld::builder {

using base::Error;
using base::Json;
using runtime::SeccompPolicy;

namespace {

const Json::Array& array_of(const Json& object, std::string_view key) {
  static const Json::Array empty;
  const Json* member = object.find(key);
  return member == nullptr ? empty : member->as_array();
}

std::uint64_t number_of(const Json& object, std::string_view key) {
  return static_cast<std::uint64_t>(object.integer(key));
}

SeccompPolicy::Action action_of(const Json& object, std::string_view name,
                                std::string_view error_name) {
  SeccompPolicy::Action action{.name = object.string(name)};
  if (object.find(error_name) != nullptr) {
    action.error = static_cast<std::uint32_t>(object.integer(error_name));
  }
  return action;
}

// "4.8" and above, of the running kernel.
bool kernel_is_at_least(const std::string& wanted) {
  utsname names = {};
  ::uname(&names);
  const auto version = [](std::string_view text) {
    std::pair<unsigned long long, unsigned long long> result;
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) return result;
    const std::string_view rest = text.substr(dot + 1);
    result.first = base::parse_unsigned(text.substr(0, dot)).value_or(0);
    result.second =
        base::parse_unsigned(rest.substr(0, rest.find_first_not_of("0123456789"))).value_or(0);
    return result;
  };
  if (version(wanted).first == 0) throw Error("minKernel \"{}\" is no version", wanted);
  return version(names.release) >= version(wanted);
}

bool contains(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// Whether a rule's "includes" and "excludes" let it apply here.
bool applies(const Json& rule, const runtime::CapabilitySet& capabilities) {
  const std::string machine = image::Platform::host().architecture;
  const auto holds = [&capabilities](const std::string& name) { return capabilities.has(name); };
  if (const Json* includes = rule.find("includes")) {
    const auto caps = includes->strings("caps"), arches = includes->strings("arches");
    if (!std::all_of(caps.begin(), caps.end(), holds)) return false;
    if (!arches.empty() && !contains(arches, machine)) return false;
    const std::string kernel = includes->string("minKernel");
    if (!kernel.empty() && !kernel_is_at_least(kernel)) return false;
  }
  if (const Json* excludes = rule.find("excludes")) {
    const auto caps = excludes->strings("caps");
    if (std::any_of(caps.begin(), caps.end(), holds)) return false;
    if (contains(excludes->strings("arches"), machine)) return false;
    const std::string kernel = excludes->string("minKernel");
    if (!kernel.empty() && kernel_is_at_least(kernel)) return false;
  }
  return true;
}

SeccompPolicy::Rule rule_of(const Json& object) {
  SeccompPolicy::Rule rule;
  rule.names = object.strings("names");
  if (const std::string name = object.string("name"); !name.empty()) rule.names.push_back(name);
  if (rule.names.empty()) throw Error("a rule names no system call");
  rule.action = action_of(object, "action", "errnoRet");
  for (const Json& argument : array_of(object, "args")) {
    rule.arguments.push_back({.index = static_cast<unsigned>(argument.integer("index")),
                              .comparison = argument.string("op"),
                              .value = number_of(argument, "value"),
                              .second_value = number_of(argument, "valueTwo")});
  }
  return rule;
}

std::vector<std::string> architectures_of(const Json& profile) {
  std::vector<std::string> names = profile.strings("architectures");
  for (const Json& entry : array_of(profile, "archMap")) {
    if (entry.string("architecture") != runtime::native_seccomp_architecture()) continue;
    const auto others = entry.strings("subArchitectures");
    names.insert(names.end(), others.begin(), others.end());
  }
  return names;
}

void read_profile(Confinement& confinement, const std::string& file,
                  const runtime::CapabilitySet& capabilities) {
  try {
    const std::string text = base::read_file(file, Json::kMaximumBytes);
    confinement.seccomp_policy = parse_seccomp_profile(text, capabilities);
    confinement.seccomp_filter = runtime::compile_policy(confinement.seccomp_policy);
  } catch (Error& error) {
    error.add_context(file);
    throw;
  }
  confinement.seccomp = runtime::Seccomp::kCustom;
}

void change_kernel_files(runtime::KernelFiles& files, bool mask, const std::string& paths) {
  for (const std::string& path : base::split(paths, ':')) {
    if (!path.starts_with('/') && (mask || base::to_lower(path) != "all")) {
      throw Error("\"{}\" is no absolute path", base::printable(path));
    }
    if (mask) {
      files.masked.push_back(path);
    } else {
      files.show(path);
    }
  }
}

bool has_selinux() { return std::filesystem::exists("/sys/fs/selinux/enforce"); }

}  // namespace

SeccompPolicy parse_seccomp_profile(std::string_view json,
                                    const runtime::CapabilitySet& capabilities) {
  const Json profile = Json::parse(json);
  SeccompPolicy policy;
  policy.default_action = action_of(profile, "defaultAction", "defaultErrnoRet");
  if (policy.default_action.name.empty()) throw Error("the profile has no defaultAction");
  policy.architectures = architectures_of(profile);
  for (const Json& rule : array_of(profile, "syscalls")) {
    if (applies(rule, capabilities)) policy.rules.push_back(rule_of(rule));
  }
  return policy;
}

void warn_of_limits(const runtime::ResourceLimits& limits, base::EventSink& events) {
  if (!limits.any()) return;
  for (const std::string& line : runtime::unenforced(limits)) {
    events.send(base::Warning{.text = line, .position = {}});
  }
}

void add_security_option(Confinement& confinement, const std::string& option,
                         const runtime::CapabilitySet& capabilities) {
  const std::size_t separator = option.find_first_of("=:");
  const std::string key = option.substr(0, separator);
  const std::string value =
      separator == std::string::npos ? std::string() : option.substr(separator + 1);
  if (key == "no-new-privileges" && (value.empty() || value == "true" || value == "false")) {
    confinement.no_new_privileges = value != "false";
  } else if (key == "seccomp" && value == "unconfined") {
    confinement.seccomp = runtime::Seccomp::kUnconfined;
  } else if (key == "seccomp" && !value.empty()) {
    read_profile(confinement, value, capabilities);
  } else if ((key == "mask" || key == "unmask") && !value.empty()) {
    change_kernel_files(confinement.kernel_files, key == "mask", value);
  } else if (key == "apparmor" && value != "unconfined") {
    throw Error("AppArmor profiles are not applied by bld: \"{}\"", base::printable(option))
        .hint(
            "the container is confined by namespaces, capabilities and seccomp; "
            "apparmor=unconfined says the same");
  } else if (key == "label" && value != "disable" && has_selinux()) {
    throw Error("SELinux labels are not set by bld: \"{}\"", base::printable(option))
        .hint("label=disable runs the command under the label of bld itself");
  } else if (key != "apparmor" && key != "label") {
    throw Error("the security option \"{}\" is not known", base::printable(option))
        .hint(
            "there are seccomp=FILE, seccomp=unconfined, no-new-privileges, mask=PATH, "
            "unmask=PATH, unmask=ALL, label=disable and apparmor=unconfined");
  }
}

}  // namespace bld::builder
