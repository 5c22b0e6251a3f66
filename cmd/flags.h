// Command line flags as Buildah's users type them (the conventions of pflag).
//
// `--name v`, `--name=v`, `-xv`, `-x v`, `-x=v`; a flag without argument `--name` or
// `--name=false`, and in clusters, `-aq`. The word after a flag that needs an argument is always
// that argument, whatever it looks like. `--` ends the flags.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bld::cmd {

struct Flag {
  std::vector<std::string> names;  // the first one is shown
  char shorthand = '\0';
  std::string value_name;  // empty: takes no argument (a bool)
  std::string help;        // empty: works, but is not listed
  // What the flag means without `=value`; nothing: an argument is needed.
  std::optional<std::string> alone;
  std::function<void(const std::string&)> set;
};

// Where flags may stand.
enum class FlagPlacement { kAnywhere, kBeforeArguments };

class FlagSet {
 public:
  // `names` is "tag" or "tag,t" or "network,net": names of several letters, and at most one of one.
  // What is bound must outlive the set. A flag that is given twice: the last one wins; a list
  // grows.
  void add_bool(std::string_view names, bool& target, std::string help);
  void add_text(std::string_view names, std::string value_name, std::string& target,
                std::string help);
  void add_list(std::string_view names, std::string value_name, std::vector<std::string>& target,
                std::string help);
  // As add_list; each value is split at commas.
  void add_comma_list(std::string_view names, std::string value_name,
                      std::vector<std::string>& target, std::string help);
  // Calls `set` with each value; what it throws gets the flag's name as context.
  void add(std::string_view names, std::string value_name, std::function<void(std::string)> set,
           std::string help);
  // `--name` alone means `alone`; a value only comes as `--name=value`.
  void add_optional(std::string_view names, std::string value_name, std::string alone,
                    std::function<void(std::string)> set, std::string help);
  // A flag that other builders need and bld does not, whose value is read and changes nothing: one
  // of `words` if there are any, else any text, or a bool without `value_name`. `reason` says why
  // nothing is lost.
  void accept(std::string_view names, std::string value_name, std::string reason,
              std::vector<std::string> words = {});
  // Flags of Buildah that bld does not have: naming one is an error that says so.
  void refuse(std::initializer_list<std::string_view> names);
  // The same with what to do instead.
  void refuse(std::string_view names, std::string hint);

  // Takes the flags out of `words` and sets what they are bound to; returns the arguments. With
  // kBeforeArguments the first argument ends the flags (what follows it is kept as it is).
  std::vector<std::string> parse(std::span<const std::string> words, FlagPlacement placement);

  // What was parsed of the flags that `other` has too, as words that it can parse.
  std::vector<std::string> words_for(const FlagSet& other) const;

  // Whether the flag (by its first name) was on the command line.
  bool given(std::string_view name) const;

  const std::vector<Flag>& flags() const { return flags_; }

  std::string usage() const;  // a line a flag, sorted by name

 private:
  Flag& append(std::string_view names);
  void parse_long(std::string_view word, std::span<const std::string>& rest);
  void parse_short(std::string_view word, std::span<const std::string>& rest);
  void set(const Flag& flag, std::string_view shown, const std::string& value);

  std::vector<Flag> flags_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<char, std::size_t> by_shorthand_;
  std::vector<std::pair<std::string, std::string>> given_;  // first names and values, in order
};

// "true", "1", "t"… and their opposites, as Go's ParseBool; nothing, or an Error, for all else.
std::optional<bool> read_bool(std::string_view text);
bool parse_bool(std::string_view text);

}  // namespace bld::cmd
