#include "cmd/flags.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"

namespace bld::cmd {

using base::Error;

std::optional<bool> read_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

bool parse_bool(std::string_view text) {
  const auto value = read_bool(text);
  if (!value) throw Error("\"{}\" is neither true nor false", text);
  return *value;
}

Flag& FlagSet::append(std::string_view names) {
  Flag flag;
  for (const std::string& name : base::split(names, ',')) {
    if (name.size() == 1) {
      flag.shorthand = name[0];
    } else {
      flag.names.push_back(name);
    }
  }
  BLD_CHECK(!flag.names.empty());
  const std::size_t index = flags_.size();
  // A command's own flag hides a global one of the same name.
  for (const std::string& name : flag.names) by_name_[name] = index;
  if (flag.shorthand != '\0') by_shorthand_[flag.shorthand] = index;
  flags_.push_back(std::move(flag));
  return flags_.back();
}

void FlagSet::add_bool(std::string_view names, bool& target, std::string help) {
  add_optional(
      names, "", "true", [&target](const std::string& text) { target = parse_bool(text); },
      std::move(help));
}

void FlagSet::add_text(std::string_view names, std::string value_name, std::string& target,
                       std::string help) {
  add(
      names, std::move(value_name), [&target](std::string text) { target = std::move(text); },
      std::move(help));
}

void FlagSet::add_list(std::string_view names, std::string value_name,
                       std::vector<std::string>& target, std::string help) {
  add(
      names, std::move(value_name),
      [&target](std::string text) { target.push_back(std::move(text)); }, std::move(help));
}

void FlagSet::add_comma_list(std::string_view names, std::string value_name,
                             std::vector<std::string>& target, std::string help) {
  add(
      names, std::move(value_name),
      [&target](const std::string& text) {
        for (std::string& part : base::split(text, ',')) target.push_back(std::move(part));
      },
      std::move(help));
}

void FlagSet::add(std::string_view names, std::string value_name,
                  std::function<void(std::string)> set, std::string help) {
  Flag& flag = append(names);
  flag.value_name = std::move(value_name);
  flag.help = std::move(help);
  flag.set = std::move(set);
}

void FlagSet::add_optional(std::string_view names, std::string value_name, std::string alone,
                           std::function<void(std::string)> set, std::string help) {
  Flag& flag = append(names);
  flag.value_name = std::move(value_name);
  flag.help = std::move(help);
  flag.alone = std::move(alone);
  flag.set = std::move(set);
}

void FlagSet::accept(std::string_view names, std::string value_name, std::string reason,
                     std::vector<std::string> words) {
  const bool takes_value = !value_name.empty();
  Flag& flag = append(names);
  flag.value_name = std::move(value_name);
  flag.help = "accepted, changes nothing: " + std::move(reason);
  if (!takes_value) flag.alone = "true";
  flag.set = [takes_value, words = std::move(words)](const std::string& text) {
    if (!takes_value) {
      parse_bool(text);
    } else if (!words.empty() && std::find(words.begin(), words.end(), text) == words.end()) {
      throw Error("\"{}\" is none of: {}", text, base::join(words, ", "));
    }
  };
}

void FlagSet::refuse(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) refuse(name, "");
}

void FlagSet::refuse(std::string_view names, std::string hint) {
  Flag& flag = append(names);
  flag.alone = "";
  flag.set = [shown = flag.names.front(), hint = std::move(hint)](const std::string&) {
    Error error("--{} is not supported by bld yet", shown);
    if (!hint.empty()) error.hint(hint);
    throw error;
  };
}

void FlagSet::set(const Flag& flag, std::string_view shown, const std::string& value) {
  given_.emplace_back(flag.names.front(), value);
  try {
    flag.set(value);
  } catch (Error& error) {
    if (error.message().ends_with("is not supported by bld yet")) throw;
    error.add_context(fmt::format("invalid argument \"{}\" for \"{}\" flag", value, shown));
    throw;
  }
}

void FlagSet::parse_long(std::string_view word, std::span<const std::string>& rest) {
  const std::string_view body = word.substr(2);
  const std::size_t equals = body.find('=');
  const std::string_view name = body.substr(0, equals);
  if (name.empty() || name[0] == '-') throw Error("bad flag syntax: {}", word);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    Error error("unknown flag: --{}", name);
    std::vector<std::string_view> known;
    for (const auto& [candidate, index] : by_name_) {
      if (!flags_[index].help.empty()) known.push_back(candidate);
    }
    if (const auto meant = base::nearest(name, known)) {
      error.hint(fmt::format("did you mean --{}?", *meant));
    }
    throw error;
  }
  const Flag& flag = flags_[found->second];
  const std::string shown = fmt::format("--{}", name);
  if (equals != std::string_view::npos) {
    set(flag, shown, std::string(body.substr(equals + 1)));
  } else if (flag.alone) {
    set(flag, shown, *flag.alone);
  } else if (rest.empty()) {
    throw Error("flag needs an argument: {}", shown);
  } else {
    set(flag, shown, rest.front());
    rest = rest.subspan(1);
  }
}

void FlagSet::parse_short(std::string_view word, std::span<const std::string>& rest) {
  std::string_view cluster = word.substr(1);
  while (!cluster.empty()) {
    const char letter = cluster[0];
    const auto found = by_shorthand_.find(letter);
    if (found == by_shorthand_.end()) {
      throw Error("unknown shorthand flag: '{}' in {}", letter, word);
    }
    const Flag& flag = flags_[found->second];
    const std::string shown = fmt::format("-{}, --{}", letter, flag.names.front());
    cluster.remove_prefix(1);
    if (cluster.size() > 1 && cluster[0] == '=') {
      return set(flag, shown, std::string(cluster.substr(1)));
    }
    if (flag.alone) {
      set(flag, shown, *flag.alone);
    } else if (!cluster.empty()) {
      return set(flag, shown, std::string(cluster));
    } else if (rest.empty()) {
      throw Error("flag needs an argument: '{}' in {}", letter, word);
    } else {
      set(flag, shown, rest.front());
      rest = rest.subspan(1);
    }
  }
}

std::vector<std::string> FlagSet::parse(std::span<const std::string> words,
                                        FlagPlacement placement) {
  std::vector<std::string> arguments;
  while (!words.empty()) {
    const std::string& word = words.front();
    words = words.subspan(1);
    if (word == "--") break;
    if (word.size() < 2 || word[0] != '-') {
      arguments.push_back(word);
      if (placement == FlagPlacement::kBeforeArguments) break;
    } else if (word[1] == '-') {
      parse_long(word, words);
    } else {
      parse_short(word, words);
    }
  }
  arguments.insert(arguments.end(), words.begin(), words.end());
  return arguments;
}

bool FlagSet::given(std::string_view name) const {
  return std::any_of(given_.begin(), given_.end(),
                     [&](const auto& flag) { return flag.first == name; });
}

std::vector<std::string> FlagSet::words_for(const FlagSet& other) const {
  std::vector<std::string> words;
  for (const auto& [name, value] : given_) {
    if (other.by_name_.contains(name)) words.push_back(fmt::format("--{}={}", name, value));
  }
  return words;
}

std::string FlagSet::usage() const {
  std::map<std::string, std::string> lines;
  std::size_t width = 0;
  for (const Flag& flag : flags_) {
    if (flag.help.empty()) continue;
    std::string left = flag.shorthand != '\0' ? fmt::format("  -{}, ", flag.shorthand) : "      ";
    left += "--" + flag.names.front();
    if (!flag.value_name.empty()) {
      left += flag.alone ? fmt::format("[={}]", flag.value_name) : " " + flag.value_name;
    }
    width = std::max(width, left.size());
    lines[flag.names.front()] = left;
  }
  std::string text;
  for (const Flag& flag : flags_) {
    if (flag.help.empty()) continue;
    std::string& left = lines[flag.names.front()];
    left.resize(width + 3, ' ');
    left += flag.help + "\n";
  }
  for (const auto& [name, line] : lines) text += line;
  return text;
}

}  // namespace bld::cmd
