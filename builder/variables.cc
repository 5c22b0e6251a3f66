#include "builder/variables.h"

#include <algorithm>
#include <cstdlib>

namespace bld::builder {

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

namespace {

bool is_entry_of(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
}

}  // namespace

void set_variable(std::vector<std::string>& env, std::string_view name, std::string_view value) {
  std::string entry = std::string(name) + "=" + std::string(value);
  const auto found = std::find_if(env.begin(), env.end(), [&](const std::string& existing) {
    return is_entry_of(existing, name);
  });
  if (found != env.end()) {
    *found = std::move(entry);
  } else {
    env.push_back(std::move(entry));
  }
}

std::optional<std::string> find_variable(const std::vector<std::string>& env,
                                         std::string_view name) {
  for (const std::string& entry : env) {
    if (is_entry_of(entry, name)) return entry.substr(name.size() + 1);
  }
  return std::nullopt;
}

void Variables::set_env(std::string_view name, std::string_view value) {
  set_variable(env_, name, value);
  std::erase_if(args_, [&](const NameAndValue& arg) { return arg.first == name; });
}

void Variables::set_arg(const std::string& name, const std::optional<std::string>& value) {
  if (!value) return;
  std::erase_if(args_, [&](const NameAndValue& arg) { return arg.first == name; });
  args_.emplace_back(name, *value);
}

std::optional<std::string> Variables::find(std::string_view name) const {
  for (const NameAndValue& arg : args_) {
    if (arg.first == name) return arg.second;
  }
  return find_variable(env_, name);
}

dockerfile::Lookup Variables::lookup() const {
  return [this](std::string_view name) { return find(name); };
}

std::vector<std::string> Variables::run_environment() const {
  std::vector<std::string> env = env_;
  for (const auto& [name, value] : args_) set_variable(env, name, value);
  return env;
}

}  // namespace bld::builder
