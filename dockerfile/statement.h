// An instruction on its way from a logical line to the AST. Internal to the parser.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/instruction.h"
#include "dockerfile/lexer.h"

namespace bld::dockerfile {

struct Statement {
  const SourceText& source;
  const LogicalLine& line;
  char escape = '\\';
  std::string name;  // upper case
  std::size_t name_begin = 0;
  std::size_t name_end = 0;
  std::vector<Token> flags;
  std::size_t arguments = 0;  // where they begin in the line
  std::vector<Heredoc> heredocs;

  std::string_view argument_text() const { return std::string_view(line.text).substr(arguments); }

  Word word(const Token& token) const { return {token.text, line.span(token.begin, token.end)}; }

  // All arguments as one word, blanks included.
  Word rest() const;

  // The error with the place of the word in the file. If the instruction begins on another line,
  // the message names that.
  base::Error at(const base::Error& error, const Span& span) const;
  base::Error at_arguments(const base::Error& error) const;

  // Throws, with the place, what is wrong with the word's quotes and substitutions.
  Word checked(Word word) const;
};

// Reads the name and the flags; the name is not looked at.
Statement begin_statement(const SourceText& source, const LogicalLine& line, std::size_t begin,
                          char escape);

enum class FlagKind { kBoolean, kString, kRepeated };

struct FlagSpec {
  std::string_view name;
  FlagKind kind = FlagKind::kString;
};

// The flags of a statement, checked against those that its instruction knows.
class Flags {
 public:
  Flags(const Statement& statement, std::span<const FlagSpec> known);

  std::optional<bool> boolean(std::string_view name) const;
  std::optional<Word> string(std::string_view name) const;  // without the ones given as empty
  std::vector<Word> repeated(std::string_view name) const;

 private:
  struct Flag {
    std::string_view name;
    bool has_value;
    Word value;
  };

  void check_value(const Flag& flag, FlagKind kind) const;

  const Statement& statement_;
  std::vector<Flag> flags_;
};

// One of the structs of instruction.h. The name of the statement has to be a known one.
decltype(Instruction::what) parse_arguments(const Statement& statement);

std::span<const std::string_view> instruction_names();

}  // namespace bld::dockerfile
