#include "dockerfile/parser.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "dockerfile/json_words.h"
#include "dockerfile/lexer.h"
#include "dockerfile/stages.h"
#include "dockerfile/statement.h"

namespace bld::dockerfile {

namespace {

constexpr std::size_t kMaximumErrors = 20;
constexpr std::size_t kMaximumInstructions = 200'000;

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto allowed = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !text.empty() && letter(text.front()) && std::all_of(text.begin(), text.end(), allowed);
}

class FileParser {
 public:
  explicit FileParser(const SourceText& source) : source_(source) {}

  Containerfile parse();

  // A trigger: exactly one instruction, and no directives.
  Instruction parse_single(char escape);

 private:
  int read_directives();
  void set_directive(std::string_view name, std::string_view value, const Span& span);
  Instruction read_instruction(LineReader& reader, const LogicalLine& line);
  int nearly_ends(std::string_view end_word, int from) const;
  void read_heredocs(LineReader& reader, Statement& statement);
  void check_order(const Instruction& instruction);
  void check_references();
  [[noreturn]] void throw_errors();
  void fail(int line, const base::Error& error);  // of all the text, not of one of its files
  void warn(std::string text, const Span& span);

  base::Error error_at(const base::Error& error, const Span& span) const {
    base::Error result = error;
    result.at(source_.position(span));
    return result;
  }

  const SourceText& source_;
  Containerfile file_;
  std::vector<std::pair<int, base::Error>> errors_;  // by line
  bool seen_from_ = false;
  bool broken_from_ = false;
  bool told_of_missing_from_ = false;
};

void FileParser::fail(int line, const base::Error& error) {
  if (errors_.size() < kMaximumErrors) errors_.emplace_back(line, error);
}

void FileParser::warn(std::string text, const Span& span) {
  file_.warnings.push_back({std::move(text), source_.position(span)});
}

// Directives are the lines `# name=value` at the very top; the first line that is none ends them.
int FileParser::read_directives() {
  std::vector<std::string> seen;
  int number = 1;
  for (; number <= source_.line_count(); ++number) {
    const std::string_view line = source_.line(number);
    std::string_view text = trim_blanks(line);
    if (!text.starts_with('#')) break;
    text.remove_prefix(1);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) break;
    const std::string_view written = trim_blanks(text.substr(0, equals));
    const std::string_view value = trim_blanks(text.substr(equals + 1));
    const std::string name = base::to_lower(written);
    if (!is_name(written) || value.empty()) break;
    if (name != "escape" && name != "syntax" && name != "check") break;
    const Span span{number, static_cast<int>(written.data() - line.data()) + 1,
                    static_cast<int>(value.data() + value.size() - written.data()), number};
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      fail(number, error_at(base::Error("the directive {} is given twice", name), span));
      continue;
    }
    seen.push_back(name);
    set_directive(name, value, span);
  }
  return number;
}

void FileParser::set_directive(std::string_view name, std::string_view value, const Span& span) {
  if (name == "check") {
    file_.directives.check = value;
    file_.directives.check_span = span;
  } else if (name == "syntax") {
    file_.directives.syntax = value;
    if (value.find("docker/dockerfile") == std::string_view::npos) {
      warn(fmt::format("the frontend {} is not used: the language is that of docker/dockerfile",
                       base::printable(value)),
           span);
    }
  } else if (value == "\\" || value == "`") {
    file_.directives.escape = value.front();
  } else {
    base::Error error("invalid escape directive '{}'", base::printable(value));
    fail(span.line, error_at(error.hint("the escape character is \\ or `"), span));
  }
}

// The first line from `from` on that is the end word but for blanks; 0 if there is none.
int FileParser::nearly_ends(std::string_view end_word, int from) const {
  for (int number = from; number <= source_.line_count(); ++number) {
    if (trim_blanks(source_.line(number)) == end_word) return number;
  }
  return 0;
}

void FileParser::read_heredocs(LineReader& reader, Statement& statement) {
  Statement* inner = &statement;
  std::optional<Statement> trigger;
  if (statement.name == "ONBUILD") {
    trigger.emplace(
        begin_statement(source_, statement.line, statement.arguments, statement.escape));
    inner = &*trigger;
  }
  if (inner->name != "RUN" && inner->name != "COPY" && inner->name != "ADD") return;
  std::vector<HeredocMark> marks = heredoc_marks(statement.line.text);
  if (marks.empty()) return;
  try {
    if (parse_json_words(inner->argument_text())) return;
  } catch (const base::Error&) {
    return;  // an array of something else, which the instruction's parser refuses
  }
  for (HeredocMark& mark : marks) {
    Heredoc heredoc;
    heredoc.span = statement.line.span(mark.begin, mark.end);
    heredoc.body_line = reader.last_line() + 1;
    auto body = reader.heredoc_body(mark.name, mark.strip_tabs);
    if (!body) {
      base::Error error("unterminated heredoc: no line is '{}'", base::printable(mark.name));
      if (const int line = nearly_ends(mark.name, heredoc.body_line); line != 0) {
        error.hint(fmt::format("line {} has blanks beside it; <<- allows for tabs in front",
                               source_.position({line}).line));
      }
      throw statement.at(error, heredoc.span);
    }
    heredoc.name = std::move(mark.name);
    heredoc.body = std::move(*body);
    heredoc.expand = mark.expand;
    heredoc.strip_tabs = mark.strip_tabs;
    heredoc.fd = mark.fd;
    statement.heredocs.push_back(std::move(heredoc));
  }
}

Instruction FileParser::read_instruction(LineReader& reader, const LogicalLine& line) {
  Statement statement = begin_statement(source_, line, 0, file_.directives.escape);
  read_heredocs(reader, statement);
  Instruction instruction;
  instruction.name = statement.name;
  instruction.name_span = line.span(statement.name_begin, statement.name_end);
  instruction.name_as_written =
      line.text.substr(statement.name_begin, statement.name_end - statement.name_begin);
  instruction.comments = line.comments;
  instruction.span = line.span(0, line.text.size());
  instruction.span.last_line = std::max(line.last_line, reader.last_line());
  instruction.what = parse_arguments(statement);
  CommandLine original;
  original.shell_text = line.text;
  original.heredocs = std::move(statement.heredocs);
  instruction.original = original.text_with_bodies();
  return instruction;
}

void FileParser::check_order(const Instruction& instruction) {
  if (std::holds_alternative<From>(instruction.what)) seen_from_ = true;
  if (seen_from_ || told_of_missing_from_ || std::holds_alternative<Arg>(instruction.what)) return;
  told_of_missing_from_ = true;
  base::Error error("there is no build stage yet: {} comes before the first FROM",
                    instruction.name);
  fail(instruction.span.line,
       error_at(error.hint("only ARG may come before FROM"), instruction.name_span));
}

// A stage that uses itself fails the build whatever the target is.
void FileParser::check_references() {
  const Stages stages(file_);
  for (const Stage& stage : stages.all()) {
    for (const Instruction& instruction : stage.instructions) {
      for (const FromReference& reference : from_references(instruction)) {
        try {
          stages.source_of(reference.name, stage.index);
        } catch (const base::Error& error) {
          fail(instruction.span.line, error_at(error, reference.span));
        }
      }
    }
  }
}

Containerfile FileParser::parse() {
  const int first_line = read_directives();
  LineReader reader(source_, file_.directives.escape, first_line);
  bool any = false;
  while (const auto line = reader.next()) {
    any = true;
    if (file_.instructions.size() == kMaximumInstructions) {
      fail(line->first_line,
           error_at(base::Error("there are more than {} instructions", kMaximumInstructions),
                    line->span(0, 1)));
      break;
    }
    if (line->empty_continuation_line != 0) {
      const int number = line->empty_continuation_line;
      file_.empty_continuations.push_back({number, 1, 0, number});
    }
    try {
      Instruction instruction = read_instruction(reader, *line);
      check_order(instruction);
      file_.instructions.push_back(std::move(instruction));
    } catch (const base::Error& error) {
      fail(line->first_line, error);
      // What follows is not to be blamed for a broken FROM.
      if (base::to_upper(line->text.substr(0, 4)) == "FROM") seen_from_ = broken_from_ = true;
    }
  }
  if (errors_.empty() && !seen_from_) {
    base::Error error("{}",
                      any ? "there is no build stage: no FROM" : "the file is empty: no FROM");
    fail(1, error_at(error.hint("begin with FROM IMAGE, or FROM scratch"), {1, 0, 0, 1}));
  }
  // Without a FROM the stages below it have other numbers.
  if (seen_from_ && !broken_from_) check_references();
  if (!errors_.empty()) throw_errors();
  return std::move(file_);
}

void FileParser::throw_errors() {
  std::stable_sort(errors_.begin(), errors_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  base::Error first = std::move(errors_.front().second);
  for (std::size_t i = 1; i < errors_.size(); ++i) first.add_more(std::move(errors_[i].second));
  throw first;
}

Instruction FileParser::parse_single(char escape) {
  file_.directives.escape = escape;
  LineReader reader(source_, escape);
  const auto line = reader.next();
  if (!line) throw base::Error("the trigger is empty");
  Instruction instruction = read_instruction(reader, *line);
  if (reader.next()) throw base::Error("a trigger is one instruction");
  return instruction;
}

}  // namespace

Containerfile parse(const SourceText& source) { return FileParser(source).parse(); }

Instruction parse_onbuild_trigger(std::string_view text, char escape) {
  const std::string shown =
      base::printable(text.substr(0, std::min<std::size_t>(text.find('\n'), 100)));
  try {
    const SourceText source("ONBUILD", std::string(text));
    Instruction trigger = FileParser(source).parse_single(escape);
    if (trigger.name == "FROM" || trigger.name == "ONBUILD" || trigger.name == "MAINTAINER") {
      throw base::Error("{} is not allowed as an ONBUILD trigger", trigger.name);
    }
    return trigger;
  } catch (const base::Error& error) {
    // Without a position: the text is not in the user's file.
    base::Error plain("ONBUILD {}: {}", shown, error.message());
    if (!error.hint().empty()) plain.hint(error.hint());
    throw plain;
  }
}

}  // namespace bld::dockerfile
