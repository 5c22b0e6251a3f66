#include "builder/global_arguments.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"

namespace bld::builder {

namespace {

// Known to everybody: never reported as unused.
constexpr std::array<std::string_view, 9> kSpecialNames = {
    "SOURCE_DATE_EPOCH",       "BUILDKIT_SYNTAX",           "BUILDKIT_INLINE_CACHE",
    "BUILDKIT_MULTI_PLATFORM", "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    "BUILDKIT_CACHE_MOUNT_NS", "BUILDKIT_BUILD_NAME",       "BUILDKIT_DOCKERFILE_CHECK"};

template <std::size_t kCount>
bool contains(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void add_platform(std::map<std::string, std::string>& values, const std::string& prefix,
                  const image::Platform& platform) {
  values[prefix + "PLATFORM"] = platform.str();
  values[prefix + "OS"] = platform.os;
  values[prefix + "ARCH"] = platform.architecture;
  if (!platform.variant.empty()) values[prefix + "VARIANT"] = platform.variant;
}

std::string in_other_case(std::string name) {
  for (char& c : name) {
    c = static_cast<char>(c >= 'a' ? std::toupper(c) : std::tolower(c));
  }
  return name;
}

}  // namespace

std::map<std::string, std::string> predefined_arguments(const image::Platform& build,
                                                        const image::Platform& target,
                                                        const std::string& target_stage) {
  std::map<std::string, std::string> values;
  add_platform(values, "BUILD", build);
  add_platform(values, "TARGET", target);
  values["TARGETSTAGE"] = target_stage.empty() ? "default" : target_stage;
  return values;
}

GlobalArguments::GlobalArguments(const PlanInput& input) : input_(input) {
  values_ = predefined_arguments(input.build_platform, input.target_platform, input.request.target);
  for (const BuildArgument& arg : input.request.build_args) {
    const auto value = arg.value ? arg.value : input.environment(arg.name);
    if (value) build_args_[arg.name] = *value;
  }
  const auto proxy = [&](const std::string& name) -> std::optional<std::string> {
    const auto given = build_args_.find(name);
    if (given != build_args_.end()) return given->second;
    return input.request.commands.http_proxy ? input.environment(name) : std::nullopt;
  };
  // Programs read the one spelling or the other: a value of one counts for both.
  for (const std::string_view view : kProxyVariables) {
    const std::string name(view);
    auto value = proxy(name);
    if (!value) value = proxy(in_other_case(name));
    if (value) proxy_env_.push_back(name + "=" + *value);
  }
}

std::optional<std::string> GlobalArguments::build_argument(const std::string& name) {
  const auto found = build_args_.find(name);
  if (found == build_args_.end()) return std::nullopt;
  used_.insert(name);
  return found->second;
}

void GlobalArguments::declare(std::span<const dockerfile::Instruction> instructions) {
  const char escape = input_.file.directives.escape;
  // The platform's arguments can be overridden without a declaration here.
  for (auto& [name, value] : values_) {
    if (const auto given = build_argument(name)) value = *given;
  }
  for (const dockerfile::Instruction& instruction : instructions) {
    for (const auto& arg : std::get<dockerfile::Arg>(instruction.what).args) {
      try {
        const std::string name = dockerfile::expand_word(arg.name.text, lookup(), escape);
        if (const auto given = build_argument(name)) {
          values_[name] = *given;
        } else if (arg.value) {
          values_[name] = dockerfile::expand_word(arg.value->text, lookup(), escape);
        }
      } catch (base::Error& error) {
        error.at(input_.source.position(arg.value ? arg.value->span : arg.name.span));
        throw;
      }
    }
  }
}

dockerfile::Lookup GlobalArguments::lookup() const {
  return [this](std::string_view name) -> std::optional<std::string> {
    const auto found = values_.find(std::string(name));
    if (found == values_.end()) return std::nullopt;
    return found->second;
  };
}

std::optional<std::string> GlobalArguments::value_in_stage(
    const std::string& name, const std::optional<std::string>& stage_default) {
  if (auto given = build_argument(name)) return given;
  if (stage_default) return stage_default;
  return lookup()(name);
}

std::vector<std::string> GlobalArguments::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : build_args_) {
    if (used_.contains(name) || contains(kProxyVariables, name) || contains(kSpecialNames, name)) {
      continue;
    }
    names.push_back(name);
  }
  return names;
}

}  // namespace bld::builder
