#include "dockerfile/shell_commands.h"

#include <algorithm>
#include <array>

namespace bld::dockerfile {

namespace {

constexpr std::array<std::string_view, 14> kInFront = {"then",  "do",    "else", "elif",   "if",
                                                       "while", "until", "!",    "{",      "time",
                                                       "sudo",  "env",   "exec", "command"};

bool is_assignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<ShellCommand> read();

 private:
  void word();
  void skip_comment();
  void end_command(bool pipe);
  void end_word();

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<ShellCommand> commands_;
  ShellCommand command_;
  std::string word_;
  std::size_t word_begin_ = 0;
  bool in_word_ = false;
  bool word_ends_options_ = false;  // sudo and env: options of theirs follow
};

void Reader::end_word() {
  if (!in_word_) return;
  in_word_ = false;
  std::string word = std::move(word_);
  word_.clear();
  if (command_.words.empty()) {
    const bool in_front = std::find(kInFront.begin(), kInFront.end(), word) != kInFront.end();
    if (in_front || is_assignment(word) || (word_ends_options_ && word.starts_with('-'))) {
      word_ends_options_ = word_ends_options_ || word == "sudo" || word == "env";
      return;
    }
    command_.begin = word_begin_;
    command_.end = at_;
  }
  command_.words.push_back(std::move(word));
}

void Reader::end_command(bool pipe) {
  end_word();
  word_ends_options_ = false;
  if (!command_.words.empty()) commands_.push_back(std::move(command_));
  command_ = {};
  command_.reads_pipe = pipe;
}

void Reader::word() {
  if (!in_word_) {
    in_word_ = true;
    word_begin_ = at_;
  }
  const char c = text_[at_++];
  if (c == '\\') {
    if (at_ < text_.size()) word_ += text_[at_++];
  } else if (c == '\'' || c == '"') {
    while (at_ < text_.size() && text_[at_] != c) {
      if (c == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      word_ += text_[at_++];
    }
    if (at_ < text_.size()) ++at_;
  } else {
    word_ += c;
  }
}

void Reader::skip_comment() {
  while (at_ < text_.size() && text_[at_] != '\n') ++at_;
}

std::vector<ShellCommand> Reader::read() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c == ' ' || c == '\t' || c == '\r') {
      end_word();
      ++at_;
    } else if (c == '#' && !in_word_) {
      skip_comment();
    } else if (c == '|' || c == '&' || c == ';' || c == '\n' || c == '(' || c == ')') {
      end_command(c == '|' && next != '|');
      at_ += (c == '|' || c == '&') && next == c ? 2 : 1;
    } else {
      word();
    }
  }
  end_command(false);
  return std::move(commands_);
}

}  // namespace

std::vector<ShellCommand> shell_commands(std::string_view text) { return Reader(text).read(); }

}  // namespace bld::dockerfile
