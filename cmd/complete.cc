#include "cmd/complete.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "cmd/command.h"

namespace bld::cmd {

namespace {

const CommandEntry* find_entry(const std::string& name) {
  for (const CommandEntry& entry : commands()) {
    if (std::find(entry.names.begin(), entry.names.end(), name) != entry.names.end()) return &entry;
  }
  return nullptr;
}

// The flag that a word names ("--file", "-f"), unless the word has its value in it.
const Flag* find_flag(const FlagSet& flags, const std::string& word) {
  if (word.size() < 2 || word.find('=') != std::string::npos) return nullptr;
  for (const Flag& flag : flags.flags()) {
    const bool is_long = word.starts_with("--");
    const auto& known = flag.names;
    if (is_long ? std::find(known.begin(), known.end(), word.substr(2)) != known.end()
                : flag.shorthand == word.back()) {
      return &flag;
    }
  }
  return nullptr;
}

bool takes_next_word(const FlagSet& flags, const std::string& word) {
  const Flag* flag = word.starts_with('-') ? find_flag(flags, word) : nullptr;
  return flag != nullptr && !flag->alone && !flag->value_name.empty();
}

class Completer {
 public:
  Completer(const std::string& current, const StoreNames& names)
      : current_(current), names_(names) {}

  void offer(const std::string& word, const std::string& help) {
    if (word.starts_with(current_)) result_.candidates.push_back({word, help});
  }

  void offer_flags(const FlagSet& flags) {
    for (const Flag& flag : flags.flags()) {
      if (!flag.help.empty()) offer("--" + flag.names.front(), flag.help);
    }
  }

  void offer_commands() {
    for (const CommandEntry& entry : commands()) {
      if (!entry.summary.empty()) offer(entry.names.front(), entry.summary);
    }
  }

  // By what a flag's value, or an argument, is called in the help.
  void offer_values(const std::string& called) {
    if (called.find("CONTAINER") != std::string::npos) {
      for (const std::string& name : names_.containers()) offer(name, "working container");
    } else if (called.find("IMAGE") != std::string::npos) {
      for (const std::string& name : names_.images()) offer(name, "image");
    } else if (called.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ=") == std::string::npos) {
      for (const std::string& word : base::split(called, '|')) offer(word, "");
    } else {
      result_.files = true;
    }
  }

  Completion result() && { return std::move(result_); }

 private:
  const std::string& current_;
  const StoreNames& names_;
  Completion result_;
};

// "IMAGE NAME..." → what the argument of that number is called; the last one may be repeated.
std::string name_of_argument(const CommandEntry& entry, std::size_t number) {
  const std::vector<std::string> names = base::split(entry.arguments, ' ');
  if (number < names.size()) return names[number];
  return names.back().find("...") != std::string::npos ? names.back() : "FILE";
}

void complete_command(const CommandEntry& entry, std::span<const std::string> words,
                      Completer& completer) {
  FlagSet flags;
  const std::unique_ptr<Command> command = entry.make();
  command->declare(flags);
  const std::string& current = words.back();
  std::size_t arguments = 0;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (takes_next_word(flags, words[i])) {
      if (i + 2 == words.size()) {
        completer.offer_values(find_flag(flags, words[i])->value_name);
        return;
      }
      ++i;
    } else if (!words[i].starts_with('-')) {
      ++arguments;
    }
  }
  const bool flags_may_come = entry.placement == FlagPlacement::kAnywhere || arguments == 0;
  if (current.starts_with('-') && flags_may_come) {
    completer.offer_flags(flags);
  } else {
    completer.offer_values(name_of_argument(entry, arguments));
  }
}

}  // namespace

Completion complete(const std::vector<std::string>& words, const FlagSet& global_flags,
                    const StoreNames& names) {
  if (words.empty()) return {};
  Completer completer(words.back(), names);
  std::size_t i = 0;
  while (i + 1 < words.size() && words[i].starts_with('-')) {
    i += takes_next_word(global_flags, words[i]) ? 2 : 1;
  }
  if (i >= words.size()) {
    completer.offer_values("FILE");  // the value of a global flag
  } else if (i + 1 == words.size()) {
    words[i].starts_with('-') ? completer.offer_flags(global_flags) : completer.offer_commands();
  } else if (const CommandEntry* entry = find_entry(words[i])) {
    complete_command(*entry, std::span(words).subspan(i + 1), completer);
  }
  return std::move(completer).result();
}

}  // namespace bld::cmd
