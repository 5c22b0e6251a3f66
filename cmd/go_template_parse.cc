// Template text → tree.
#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "cmd/go_format.h"
#include "cmd/go_template_ast.h"

namespace bld::cmd {

using base::Error;

namespace {

constexpr int kMaximumDepth = 100;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string_view without_front_blanks(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view without_end_blanks(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The whole template, for messages that say where something is. All other texts here are parts of
// it.
class Source {
 public:
  Source(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  TemplatePlace place(std::string_view part) const {
    const std::string_view before = text_.substr(0, offset(part));
    const std::size_t newline = before.rfind('\n');
    return {
        .line = line(part),
        .column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1,
        .text = std::string(part)};
  }

  [[noreturn]] void fail(std::string_view part, const std::string& message) const {
    throw Error("Template parsing error: template: {}:{}: {}", name_, line(part), message);
  }

 private:
  std::size_t offset(std::string_view part) const {
    return static_cast<std::size_t>(part.data() - text_.data());
  }

  int line(std::string_view part) const {
    const std::string_view before = text_.substr(0, offset(part));
    return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  }

  std::string_view text_, name_;
};

struct Token {
  enum class Kind { kEnd, kWord, kField, kVariable, kLiteral, kSign };
  Kind kind = Kind::kEnd;
  std::string text;  // a word; ".A" without dot ("" for the dot itself); "$x"; a sign
  Value literal;
  bool after_space = false;
  std::string_view source;
};

class Lexer {
 public:
  Lexer(std::string_view text, const Source& source) : rest_(text), source_(source) {}

  Token next() {
    Token token;
    const std::string_view before = rest_;
    rest_ = without_front_blanks(rest_);
    token.after_space = rest_.size() != before.size();
    const std::string_view begin = rest_;
    read(token);
    token.source = begin.substr(0, begin.size() - rest_.size());
    return token;
  }

 private:
  void read(Token& token) {
    if (rest_.empty()) return;
    const char c = rest_[0];
    if (c == '"' || c == '`' || c == '\'') return quoted(c, token);
    if (c == '.' || c == '$') {
      take(1);
      token.kind = c == '.' ? Token::Kind::kField : Token::Kind::kVariable;
      token.text = (c == '$' ? "$" : "") + word();
      return;
    }
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 ||
        ((c == '-' || c == '+') && rest_.size() > 1)) {
      return number(token);
    }
    if (is_word(c)) {
      token.kind = Token::Kind::kWord;
      token.text = word();
      return;
    }
    token.kind = Token::Kind::kSign;
    token.text = rest_.starts_with(":=") ? ":=" : std::string(1, c);
    take(token.text.size());
  }

  void take(std::size_t count) { rest_.remove_prefix(count); }

  std::string word() {
    std::size_t length = 0;
    while (length < rest_.size() && is_word(rest_[length])) ++length;
    std::string text(rest_.substr(0, length));
    take(length);
    return text;
  }

  void number(Token& token) {
    std::string digits(1, rest_[0]);
    take(1);
    while (!rest_.empty() &&
           (is_word(rest_[0]) || rest_[0] == '.' ||
            (rest_[0] == '-' && (digits.back() == 'e' || digits.back() == 'E')))) {
      digits += rest_[0];
      take(1);
    }
    token.kind = Token::Kind::kLiteral;
    std::string plain = digits;
    std::erase(plain, '_');
    char* end = nullptr;
    errno = 0;
    const std::int64_t whole = std::strtoll(plain.c_str(), &end, 0);
    token.literal = whole;
    if (*end == '\0' && end != plain.c_str() && errno == 0) return;
    errno = 0;
    token.literal = std::strtod(plain.c_str(), &end);
    if (*end != '\0' || end == plain.c_str() || errno != 0) {
      source_.fail(rest_, "bad number syntax: " + go_quoted(digits));
    }
  }

  void quoted(char quote, Token& token) {
    const std::string_view begin = rest_;
    take(1);
    std::string text;
    for (;;) {
      if (rest_.empty()) source_.fail(begin, unterminated(quote));
      const char c = rest_[0];
      take(1);
      if (c == quote) break;
      if (c == '\\' && quote != '`') {
        if (rest_.empty()) source_.fail(begin, unterminated(quote));
        escape(text);
      } else {
        text += c;
      }
    }
    token.kind = Token::Kind::kLiteral;
    if (quote == '\'') {
      token.literal = static_cast<std::int64_t>(text.empty() ? 0 : text[0]);
    } else {
      token.literal = text;
    }
  }

  static const char* unterminated(char quote) {
    if (quote == '`') return "unterminated raw quoted string";
    return quote == '"' ? "unterminated quoted string" : "unterminated character constant";
  }

  // What follows a backslash.
  void escape(std::string& text) {
    const std::string_view begin = rest_;
    char c = rest_[0];
    take(1);
    if (c == 'n') c = '\n';
    if (c == 't') c = '\t';
    if (c == 'r') c = '\r';
    if (c == 'x') {
      const auto code = base::parse_unsigned(rest_.substr(0, 2), 16);
      if (!code || rest_.size() < 2) source_.fail(begin, "invalid syntax");
      c = static_cast<char>(*code);
      take(2);
    }
    text += c;
  }

  std::string_view rest_;
  const Source& source_;
};

class ActionParser {
 public:
  // `variables`: the names in scope, to which those that are declared here are added.
  ActionParser(std::string_view text, const Source& source, std::vector<std::string>& variables)
      : action_(text), source_(source), lexer_(text, source), variables_(variables) {
    advance();
  }

  // The keyword in front ("if", "range", "else"…), or nothing.
  std::string keyword() {
    for (const char* word : {"if", "range", "with", "else", "end", "break", "continue", "template",
                             "block", "define"}) {
      if (token_.kind == Token::Kind::kWord && token_.text == word) {
        keyword_ = word;
        advance();
        return word;
      }
    }
    return {};
  }

  // The name behind define, block and template.
  std::string name() {
    const auto* text = token_.literal.get<std::string>();
    if (token_.kind != Token::Kind::kLiteral || text == nullptr) {
      fail(fmt::format("unexpected {} in {} clause", describe(), keyword_));
    }
    std::string result = *text;
    advance();
    return result;
  }

  bool at_end() const { return token_.kind == Token::Kind::kEnd; }

  Pipeline pipeline() {
    Pipeline result = inner(0);
    expect_end();
    return result;
  }

  void expect_end() {
    if (!at_end()) fail(fmt::format("unexpected {} in {}", describe(), context()));
  }

 private:
  void advance() {
    last_ = token_.source;
    token_ = lexer_.next();
  }

  [[noreturn]] void fail(const std::string& message) const { source_.fail(action_, message); }

  std::string context() const { return keyword_.empty() ? "command" : keyword_; }

  bool sign(std::string_view text) const {
    return token_.kind == Token::Kind::kSign && token_.text == text;
  }

  std::string describe() const { return at_end() ? "\"}}\"" : go_quoted(token_.source); }

  // From `begin` to the last token that was taken.
  std::string_view text_since(std::string_view begin) const {
    return {begin.data(), static_cast<std::size_t>(last_.data() + last_.size() - begin.data())};
  }

  Pipeline inner(int depth) {
    if (depth > kMaximumDepth) fail("max expression depth exceeded");
    Pipeline result;
    const std::string_view begin = token_.source;
    const bool begins_with_variable = token_.kind == Token::Kind::kVariable;
    TemplateCommand first;
    if (begins_with_variable) {
      first.words.push_back(operand(depth));
      if (first.words.front().fields.empty() && (sign(":=") || sign("=") || sign(","))) {
        declare(result, first.words.front().name);
        first.words.clear();
      }
    }
    for (;;) {
      TemplateCommand command = std::move(first);
      first = {};
      const std::string_view command_begin = command.words.empty() ? token_.source : begin;
      while (begins_operand()) command.words.push_back(operand(depth));
      if (command.words.empty()) fail("missing value for " + context());
      command.place = source_.place(text_since(command_begin));
      if (!result.commands.empty() && command.words.front().kind == Operand::Kind::kLiteral) {
        fail("non executable command in pipeline stage " +
             std::to_string(result.commands.size() + 1));
      }
      result.commands.push_back(std::move(command));
      if (!sign("|")) break;
      advance();
    }
    result.place = source_.place(text_since(begin));
    if (!result.assigns) {
      variables_.insert(variables_.end(), result.variables.begin(), result.variables.end());
    }
    return result;
  }

  // "$x :=", "$x =", "$k, $v :=": what follows the first name.
  void declare(Pipeline& pipeline, const std::string& name) {
    pipeline.variables.push_back(name);
    if (sign(",")) {
      if (keyword_ != "range") fail("too many declarations in " + context());
      advance();
      if (token_.kind != Token::Kind::kVariable) {
        fail(fmt::format("unexpected {} in range", describe()));
      }
      pipeline.variables.push_back(token_.text);
      advance();
    }
    if (!sign(":=") && !sign("=")) {
      fail(fmt::format("unexpected {} in {}", describe(), context()));
    }
    pipeline.assigns = sign("=");
    if (pipeline.assigns) expect_known(pipeline.variables.back());
    advance();
  }

  void expect_known(const std::string& variable) const {
    if (variable == "$") return;
    if (std::find(variables_.begin(), variables_.end(), variable) != variables_.end()) return;
    fail("undefined variable " + go_quoted(variable));
  }

  bool begins_operand() const {
    return (token_.kind != Token::Kind::kEnd && token_.kind != Token::Kind::kSign) || sign("(");
  }

  Operand operand(int depth) {
    Operand result;
    const std::string_view begin = token_.source;
    switch (token_.kind) {
      case Token::Kind::kField:
        result.kind = Operand::Kind::kDot;
        if (!token_.text.empty()) result.fields.push_back(token_.text);
        break;
      case Token::Kind::kVariable:
        result.kind = Operand::Kind::kVariable;
        result.name = token_.text;
        break;
      case Token::Kind::kLiteral:
        result.kind = Operand::Kind::kLiteral;
        result.literal = token_.literal;
        break;
      case Token::Kind::kWord:
        word(result);
        break;
      default:
        parentheses(result, depth);
    }
    advance();
    // Go's messages point at the first field that is added to what a word begins with.
    std::string_view pointed = begin;
    while (token_.kind == Token::Kind::kField && !token_.after_space) {
      if (token_.text.empty()) fail("unexpected <.> in operand");
      if (pointed.data() == begin.data()) pointed = token_.source;
      result.fields.push_back(token_.text);
      advance();
    }
    if (result.kind == Operand::Kind::kVariable && !is_declaration()) expect_known(result.name);
    result.place = source_.place(pointed);
    result.place.text = std::string(text_since(begin));
    return result;
  }

  bool is_declaration() const { return sign(":=") || sign("=") || sign(","); }

  void parentheses(Operand& result, int depth) {
    advance();
    result.kind = Operand::Kind::kParentheses;
    result.inner.push_back(inner(depth + 1));
    if (!sign(")")) fail("unclosed left paren");
  }

  void word(Operand& result) const {
    result.kind = Operand::Kind::kLiteral;
    if (token_.text == "true" || token_.text == "false") {
      result.literal = token_.text == "true";
    } else if (token_.text != "nil") {
      if (!is_function(token_.text))
        fail(fmt::format("function {} not defined", go_quoted(token_.text)));
      result.kind = Operand::Kind::kFunction;
      result.name = token_.text;
    }
  }

  std::string_view action_;
  const Source& source_;
  Lexer lexer_;
  std::vector<std::string>& variables_;
  Token token_;
  std::string_view last_;
  std::string keyword_;
};

class TemplateParser {
 public:
  TemplateParser(std::string_view text, std::string_view name) : rest_(text), source_(text, name) {
    tree_.name = name;
  }

  TemplateTree whole() && {
    std::string_view rest_of_else;
    const std::string ended_by = list(tree_.nodes, rest_of_else, 0);
    if (!ended_by.empty()) source_.fail(rest_, fmt::format("unexpected {{{{{}}}}}", ended_by));
    return std::move(tree_);
  }

 private:
  // Up to the end of the text, or an "end" or "else", which is returned with what follows it.
  std::string list(std::vector<TemplateNode>& nodes, std::string_view& rest_of_else, int depth) {
    if (depth > kMaximumDepth) source_.fail(rest_, "nested too deeply");
    for (;;) {
      const std::size_t open = rest_.find("{{");
      add_text(nodes, rest_.substr(0, open));
      if (open == std::string_view::npos) return {};
      rest_.remove_prefix(open + 2);
      const std::string_view action = take_action(nodes);
      if (action.starts_with("/*") && action.ends_with("*/")) continue;
      ActionParser parser(action, source_, variables_);
      const std::string keyword = parser.keyword();
      if (keyword == "end") {
        parser.expect_end();
        return keyword;
      }
      if (keyword == "else") {
        rest_of_else = action.substr(action.find("else") + 4);
        return keyword;
      }
      add_action(nodes, keyword, parser, depth);
    }
  }

  void add_action(std::vector<TemplateNode>& nodes, const std::string& keyword,
                  ActionParser& parser, int depth) {
    TemplateNode node;
    if (keyword.empty()) {
      node.kind = TemplateNode::Kind::kPrint;
      node.pipeline = parser.pipeline();
    } else if (keyword == "break" || keyword == "continue") {
      if (loops_ == 0)
        source_.fail(rest_, fmt::format("{{{{{}}}}} outside {{{{range}}}}", keyword));
      parser.expect_end();
      node.kind = keyword == "break" ? TemplateNode::Kind::kBreak : TemplateNode::Kind::kContinue;
    } else if (keyword == "define") {
      define(parser, depth);
      return;
    } else if (keyword == "template" || keyword == "block") {
      node.kind = TemplateNode::Kind::kTemplate;
      node.text = parser.name();
      if (!parser.at_end()) node.pipeline = parser.pipeline();
      if (keyword == "block") define_as(node.text, depth);
    } else {
      node = control(keyword, parser, depth);
    }
    nodes.push_back(std::move(node));
  }

  void define(ActionParser& parser, int depth) {
    if (depth > 0) source_.fail(rest_, "unexpected {{define}}");
    const std::string name = parser.name();
    parser.expect_end();
    define_as(name, depth);
  }

  // The body of a template of its own, which knows none of our variables.
  void define_as(const std::string& name, int depth) {
    std::vector<std::string> ours = std::exchange(variables_, {});
    const int loops = std::exchange(loops_, 0);
    std::vector<TemplateNode> body;
    std::string_view rest_of_else;
    if (list(body, rest_of_else, depth + 1) != "end") source_.fail(rest_, "unexpected EOF");
    tree_.defined[name] = std::move(body);
    variables_ = std::move(ours);
    loops_ = loops;
  }

  TemplateNode control(const std::string& keyword, ActionParser& parser, int depth) {
    TemplateNode node;
    node.kind = keyword == "if"      ? TemplateNode::Kind::kIf
                : keyword == "range" ? TemplateNode::Kind::kRange
                                     : TemplateNode::Kind::kWith;
    const std::size_t outer = variables_.size();
    node.pipeline = parser.pipeline();
    std::string_view rest_of_else;
    if (keyword == "range") ++loops_;
    std::string ended_by = list(node.body, rest_of_else, depth + 1);
    if (keyword == "range") --loops_;
    if (ended_by == "else") ended_by = otherwise(node, rest_of_else, depth);
    if (ended_by != "end") {
      source_.fail(rest_, ended_by.empty() ? "unexpected EOF" : "unexpected {{else}}");
    }
    variables_.resize(outer);
    return node;
  }

  // What follows an else; returns what ended it.
  std::string otherwise(TemplateNode& node, std::string_view rest_of_else, int depth) {
    ActionParser after(rest_of_else, source_, variables_);
    const std::string next = after.keyword();
    if (next.empty()) {
      after.expect_end();
      return list(node.otherwise, rest_of_else, depth + 1);
    }
    if (next != "if" && next != "with") {
      source_.fail(rest_, fmt::format("unexpected <{}> in else clause", next));
    }
    // "else if": the rest, up to the one common end.
    node.otherwise.push_back(control(next, after, depth + 1));
    return "end";
  }

  void add_text(std::vector<TemplateNode>& nodes, std::string_view text) {
    if (trim_next_) text = without_front_blanks(text);
    trim_next_ = false;
    if (text.empty()) return;
    TemplateNode node;
    node.text = text;
    nodes.push_back(std::move(node));
  }

  // What is between the braces, quotes respected; trim markers are carried out.
  std::string_view take_action(std::vector<TemplateNode>& nodes) {
    std::size_t end = 0;
    char quote = '\0';
    const bool is_comment =
        rest_.starts_with("/*") || rest_.starts_with("- /*") || rest_.starts_with("-\n/*");
    if (is_comment) end = std::min(rest_.find("*/"), rest_.size());
    for (;; ++end) {
      if (end >= rest_.size())
        source_.fail(rest_, is_comment ? "unclosed comment" : "unclosed action");
      const char c = rest_[end];
      if (quote != '\0') {
        if (c == '\\' && quote != '`') ++end;
        if (c == quote) quote = '\0';
      } else if (!is_comment && (c == '"' || c == '`' || c == '\'')) {
        quote = c;
      } else if (rest_.substr(end).starts_with("}}")) {
        break;
      }
    }
    std::string_view action = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    if (action.size() > 1 && action[0] == '-' && is_space(action[1])) {
      action.remove_prefix(1);
      trim_last(nodes);
    }
    if (action.size() > 1 && action.back() == '-' && is_space(action[action.size() - 2])) {
      action.remove_suffix(1);
      trim_next_ = true;
    }
    return without_end_blanks(without_front_blanks(action));
  }

  static void trim_last(std::vector<TemplateNode>& nodes) {
    if (nodes.empty() || nodes.back().kind != TemplateNode::Kind::kText) return;
    std::string& text = nodes.back().text;
    text.resize(without_end_blanks(text).size());
  }

  std::string_view rest_;
  Source source_;
  TemplateTree tree_;
  std::vector<std::string> variables_;  // that are in scope
  int loops_ = 0;                       // range actions around
  bool trim_next_ = false;
};

}  // namespace

TemplateTree parse_template(std::string_view text, std::string_view name) {
  return TemplateParser(text, name).whole();
}

}  // namespace bld::cmd
