#include "cmd/config_edits.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/error.h"
#include "builder/variables.h"
#include "cmd/options.h"
#include "cmd/render_error.h"
#include "cmd/shell_words.h"
#include "cmd/standard_streams.h"
#include "dockerfile/json_words.h"
#include "dockerfile/parser.h"
#include "dockerfile/values.h"

namespace bld::cmd {

namespace {

using Words = std::vector<std::string>;

// "NAME-" in the place of NAME=VALUE: what is to be removed.
std::optional<std::string> removed_name(const std::string& text) {
  if (!text.ends_with('-') || text.find('=') != std::string::npos) return std::nullopt;
  return text.substr(0, text.size() - 1);
}

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string value_of(const std::string& name, const Words& env) {
  if (const auto value = builder::find_variable(env, name)) return std::string(*value);
  print_error(render_warning(
      {fmt::format("error expanding variable \"{}\": no value set in configuration", name),
       std::nullopt}));
  return name;
}

// $NAME and ${NAME}; a dollar sign in front of anything else stays. A backslash means nothing.
std::string expanded(const std::string& text, const Words& env) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool in_braces = text.compare(i, 2, "${") == 0;
    const std::size_t begin = i + (in_braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && is_name(text[end])) ++end;
    const bool is_closed = !in_braces || (end < text.size() && text[end] == '}');
    if (text[i] != '$' || end == begin || !is_closed) {
      result += text[i];
      continue;
    }
    result += value_of(text.substr(begin, end - begin), env);
    i = in_braces ? end : end - 1;
  }
  return result;
}

std::optional<Words> none_if_empty(Words words) {
  if (words.empty()) return std::nullopt;
  return words;
}

}  // namespace

void edit_list(Words& list, const std::string& text) {
  if (text == "-") {
    list.clear();
  } else if (text.ends_with('-')) {
    std::erase(list, text.substr(0, text.size() - 1));
  } else if (std::find(list.begin(), list.end(), text) == list.end()) {
    list.insert(std::lower_bound(list.begin(), list.end(), text), text);
  }
}

void edit_map(std::map<std::string, std::string>& map, const std::string& text) {
  if (text == "-") {
    map.clear();
  } else if (const auto removed = removed_name(text)) {
    map.erase(*removed);
  } else {
    const KeyAndValue pair = parse_key_value(text);
    map[pair.key] = pair.value.value_or("");
  }
}

void edit_env(Words& env, const std::string& text) {
  if (text == "-") {
    env.clear();
    return;
  }
  const auto remove = [&](const std::string& name) {
    std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
  };
  if (const auto removed = removed_name(text)) {
    remove(*removed);
    return;
  }
  const KeyAndValue variable = parse_key_value(text);
  const auto value = variable.value ? expanded(*variable.value, env)
                                    : environment_variable(variable.key.c_str());
  if (!value) throw base::Error("setting env \"{}\": no value given", variable.key);
  remove(variable.key);
  env.push_back(variable.key + "=" + *value);
}

void edit_ports(Words& ports, const std::string& text) {
  if (!text.ends_with('-')) dockerfile::exposed_ports(text);
  edit_list(ports, text);
}

void set_cmd(image::RunConfig& config, const std::string& text) {
  const auto words = dockerfile::parse_json_words(text);
  config.cmd = none_if_empty(words ? *words : shell_words(text));
}

void set_entrypoint(image::RunConfig& config, const std::string& text) {
  if (const auto words = dockerfile::parse_json_words(text)) {
    config.entrypoint = none_if_empty(*words);
  } else if (text.empty()) {
    config.entrypoint.reset();
  } else {
    config.entrypoint = {"/bin/sh", "-c", text};
  }
}

void edit_triggers(Words& triggers, const std::string& text) {
  if (text == "-") {
    triggers.clear();
    return;
  }
  dockerfile::parse_onbuild_trigger(text);
  triggers.push_back(text);
}

}  // namespace bld::cmd
