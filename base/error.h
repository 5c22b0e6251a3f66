// The one exception type of bld.
//
// Three kinds of trouble are kept apart: the user's (an Error with a source position and advice),
// the world's (an Error that names call, object and errno) and ours (BLD_CHECK in check.h).
// What a caller is expected to handle is not an error but a value.
#pragma once

#include <fmt/core.h>

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bld::base {

// A place in a text that the user wrote. Lines and columns count from 1; a column counts bytes.
struct SourcePosition {
  std::string file;
  int line = 0;
  int column = 0;           // 0: the whole line is meant
  int length = 0;           // bytes that the caret underlines; 0 counts as 1
  std::string source_line;  // the line itself, without its end; may be empty
  // A few lines of the same file, for display.
  std::vector<std::string> lines_before = {}, lines_after = {};
  auto operator<=>(const SourcePosition&) const = default;
};

class Error : public std::exception {
 public:
  // `Error("layer {} is truncated", digest)`.
  template <typename... Args>
  explicit Error(fmt::format_string<Args...> format, Args&&... args)
      : Error(Text{fmt::format(format, std::forward<Args>(args)...)}) {}

  // "openat2 etc/passwd: no such file or directory". Reads errno, or takes it.
  static Error sys(std::string_view call, std::string_view object);
  static Error sys(std::string_view call, std::string_view object, int error_number);

  // What the callee did not know; outermost context is added last and reads first.
  Error& add_context(std::string text);
  Error& at(SourcePosition position);  // keeps a position that is already there
  Error& hint(std::string text);       // what to do about it: one line
  Error& note(std::string text);       // what else is known: one line, above the hint
  Error& exit_status(int status);      // what bld is to exit with, where it is not the usual one

  // Context and message joined by ": ", without position and hint.
  const char* what() const noexcept override { return text_.c_str(); }

  const std::string& message() const { return message_; }  // without context

  const std::optional<SourcePosition>& position() const { return position_; }

  const std::string& hint() const { return hint_; }

  const std::vector<std::string>& notes() const { return notes_; }

  std::optional<int> exit_status() const { return exit_status_; }

  // errno of a failed system call; 0 for any other error.
  int error_number() const { return error_number_; }

  // Other errors of the same input, in its order, when several are reported in one go.
  const std::vector<Error>& more() const { return more_; }

  void add_more(Error other) { more_.push_back(std::move(other)); }

 private:
  struct Text {
    std::string value;
  };

  explicit Error(Text text) : message_(text.value), text_(std::move(text.value)) {}

  std::string message_;
  std::string text_;
  std::optional<SourcePosition> position_;
  std::string hint_;
  std::vector<std::string> notes_;
  std::optional<int> exit_status_;
  int error_number_ = 0;
  std::vector<Error> more_;
};

// What `act` returns; an Error that it throws gets the position, if there is one.
template <typename Act>
decltype(auto) with_position(const std::optional<SourcePosition>& position, Act act) try {
  return act();

} catch (Error& error) {
  if (position) error.at(*position);
  throw;
}

}  // namespace bld::base
