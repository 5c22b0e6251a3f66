// Template text → tree.
#include <cctype>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "cmd/go_template_ast.h"

namespace bld::cmd {

using base::Error;

namespace {

constexpr int kMaximumDepth = 100;

struct Token {
  enum class Kind { kEnd, kWord, kField, kVariable, kLiteral, kSign };
  Kind kind = Kind::kEnd;
  std::string text;  // a word; ".A" without dot ("" for the dot itself); "$x"; a sign
  Value literal;
  bool after_space = false;
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) {}

  Token next() {
    Token token;
    const std::size_t before = rest_.size();
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_[0])) != 0) take(1);
    token.after_space = rest_.size() != before;
    if (rest_.empty()) return token;
    const char c = rest_[0];
    if (c == '"' || c == '`' || c == '\'') return quoted(c, token);
    if (c == '.' || c == '$') {
      take(1);
      token.kind = c == '.' ? Token::Kind::kField : Token::Kind::kVariable;
      token.text = (c == '$' ? "$" : "") + word();
      return token;
    }
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 || (c == '-' && rest_.size() > 1)) {
      return number(token);
    }
    if (is_word(c)) {
      token.kind = Token::Kind::kWord;
      token.text = word();
      return token;
    }
    token.kind = Token::Kind::kSign;
    token.text = rest_.starts_with(":=") ? ":=" : std::string(1, c);
    take(token.text.size());
    return token;
  }

 private:
  void take(std::size_t count) { rest_.remove_prefix(count); }

  std::string word() {
    std::size_t length = 0;
    while (length < rest_.size() && is_word(rest_[length])) ++length;
    std::string text(rest_.substr(0, length));
    take(length);
    return text;
  }

  Token number(Token token) {
    std::string digits;
    if (rest_[0] == '-') {
      digits = "-";
      take(1);
    }
    digits += word();
    char* end = nullptr;
    errno = 0;
    token.literal = static_cast<std::int64_t>(std::strtoll(digits.c_str(), &end, 0));
    if (*end != '\0' || digits == "-" || errno != 0) {
      throw Error("template: bad number: {}", digits);
    }
    token.kind = Token::Kind::kLiteral;
    return token;
  }

  Token quoted(char quote, Token token) {
    take(1);
    std::string text;
    for (;;) {
      if (rest_.empty()) throw Error("template: unterminated quoted string");
      char c = rest_[0];
      take(1);
      if (c == quote) break;
      if (c == '\\' && quote != '`') {
        if (rest_.empty()) throw Error("template: unterminated quoted string");
        c = rest_[0];
        take(1);
        if (c == 'n') c = '\n';
        if (c == 't') c = '\t';
        if (c == 'r') c = '\r';
        if (c == 'x' && rest_.size() >= 2) {
          const auto code = base::parse_unsigned(rest_.substr(0, 2), 16);
          if (!code) throw Error("template: invalid escape in a quoted string");
          c = static_cast<char>(*code);
          take(2);
        }
      }
      text += c;
    }
    token.kind = Token::Kind::kLiteral;
    if (quote == '\'') {
      token.literal = static_cast<std::int64_t>(text.empty() ? 0 : text[0]);
    } else {
      token.literal = text;
    }
    return token;
  }

  std::string_view rest_;
};

class ActionParser {
 public:
  explicit ActionParser(std::string_view text) : lexer_(text) { advance(); }

  // The keyword in front ("if", "range", "else"…), or nothing.
  std::string keyword() {
    for (const char* word : {"if", "range", "with", "else", "end", "break", "continue", "template",
                             "block", "define"}) {
      if (token_.kind == Token::Kind::kWord && token_.text == word) {
        advance();
        return word;
      }
    }
    return {};
  }

  Pipeline pipeline() {
    Pipeline result = inner(0);
    expect_end();
    return result;
  }

  void expect_end() {
    if (token_.kind != Token::Kind::kEnd) throw Error("template: unexpected {}", describe());
  }

 private:
  void advance() { token_ = lexer_.next(); }

  bool sign(std::string_view text) const {
    return token_.kind == Token::Kind::kSign && token_.text == text;
  }

  std::string describe() const {
    if (token_.kind == Token::Kind::kEnd) return "end of the action";
    if (token_.kind == Token::Kind::kLiteral) return token_.literal.quoted();
    return "\"" + (token_.kind == Token::Kind::kField ? "." + token_.text : token_.text) + "\"";
  }

  Pipeline inner(int depth) {
    if (depth > kMaximumDepth) throw Error("template: nested too deeply");
    Pipeline result;
    Operand first;
    bool have_first = false;
    if (token_.kind == Token::Kind::kVariable) {
      first = operand(depth);
      have_first = true;
      if (first.fields.empty() && (sign(":=") || sign("=") || sign(","))) {
        have_first = false;
        result.variables.push_back(first.name);
        if (sign(",")) {
          advance();
          if (token_.kind != Token::Kind::kVariable) {
            throw Error("template: unexpected {} in range", describe());
          }
          result.variables.push_back(token_.text);
          advance();
        }
        if (!sign(":=") && !sign("=")) throw Error("template: unexpected {}", describe());
        result.assigns = sign("=");
        advance();
      }
    }
    for (;;) {
      TemplateCommand command;
      if (have_first) command.push_back(std::move(first));
      have_first = false;
      while (begins_operand()) command.push_back(operand(depth));
      if (command.empty()) throw Error("template: missing value for command");
      result.commands.push_back(std::move(command));
      if (!sign("|")) return result;
      advance();
    }
  }

  bool begins_operand() const {
    return (token_.kind != Token::Kind::kEnd && token_.kind != Token::Kind::kSign) || sign("(");
  }

  Operand operand(int depth) {
    Operand result;
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
        advance();
        result.kind = Operand::Kind::kParentheses;
        result.inner.push_back(inner(depth + 1));
        if (!sign(")")) throw Error("template: unclosed left parenthesis");
    }
    advance();
    while (token_.kind == Token::Kind::kField && !token_.after_space) {
      if (token_.text.empty()) throw Error("template: unexpected \".\"");
      result.fields.push_back(token_.text);
      advance();
    }
    return result;
  }

  void word(Operand& result) const {
    result.kind = Operand::Kind::kLiteral;
    if (token_.text == "true" || token_.text == "false") {
      result.literal = token_.text == "true";
    } else if (token_.text != "nil") {
      if (!is_function(token_.text)) {
        throw Error("template: function \"{}\" not defined", token_.text);
      }
      result.kind = Operand::Kind::kFunction;
      result.name = token_.text;
    }
  }

  Lexer lexer_;
  Token token_;
};

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : rest_(text) {}

  std::vector<TemplateNode> whole() {
    std::vector<TemplateNode> nodes;
    std::string rest;
    const std::string ended_by = list(nodes, rest, 0);
    if (!ended_by.empty()) throw Error("template: unexpected {{{{{}}}}}", ended_by);
    return nodes;
  }

 private:
  // Up to the end of the text, or an "end" or "else", which is returned with what follows it.
  std::string list(std::vector<TemplateNode>& nodes, std::string& rest_of_else, int depth) {
    if (depth > kMaximumDepth) throw Error("template: nested too deeply");
    for (;;) {
      const std::size_t open = rest_.find("{{");
      add_text(nodes, rest_.substr(0, open));
      if (open == std::string_view::npos) return {};
      rest_.remove_prefix(open + 2);
      const std::string action = take_action(nodes);
      if (action.starts_with("/*") && action.ends_with("*/")) continue;
      ActionParser parser(action);
      const std::string keyword = parser.keyword();
      if (keyword == "end") {
        parser.expect_end();
        return keyword;
      }
      if (keyword == "else") {
        rest_of_else = action.substr(action.find("else") + 4);
        return keyword;
      }
      if (keyword.empty()) {
        TemplateNode node;
        node.kind = TemplateNode::Kind::kPrint;
        node.pipeline = parser.pipeline();
        nodes.push_back(std::move(node));
      } else {
        nodes.push_back(control(keyword, parser, depth));
      }
    }
  }

  TemplateNode control(const std::string& keyword, ActionParser& parser, int depth) {
    TemplateNode node;
    if (keyword == "if") {
      node.kind = TemplateNode::Kind::kIf;
    } else if (keyword == "range") {
      node.kind = TemplateNode::Kind::kRange;
    } else if (keyword == "with") {
      node.kind = TemplateNode::Kind::kWith;
    } else {
      throw Error("template: {{{{{}}}}} is not supported", keyword);
    }
    node.pipeline = parser.pipeline();
    std::string rest_of_else;
    std::string ended_by = list(node.body, rest_of_else, depth + 1);
    if (ended_by == "else") {
      ActionParser after(rest_of_else);
      const std::string next = after.keyword();
      if (next.empty()) {
        after.expect_end();
        ended_by = list(node.otherwise, rest_of_else, depth + 1);
      } else {
        // "else if": the rest, up to the one common end.
        node.otherwise.push_back(control(next, after, depth + 1));
        return node;
      }
    }
    if (ended_by != "end") throw Error("template: {{{{{}}}}} without {{{{end}}}}", keyword);
    return node;
  }

  void add_text(std::vector<TemplateNode>& nodes, std::string_view text) {
    if (trim_next_) {
      while (!text.empty() && std::isspace(static_cast<unsigned char>(text[0])) != 0) {
        text.remove_prefix(1);
      }
      trim_next_ = false;
    }
    if (text.empty()) return;
    TemplateNode node;
    node.text = text;
    nodes.push_back(std::move(node));
  }

  // What is between the braces, quotes respected; trim markers are carried out.
  std::string take_action(std::vector<TemplateNode>& nodes) {
    std::size_t end = 0;
    char quote = '\0';
    for (;; ++end) {
      if (end >= rest_.size()) throw Error("template: unclosed action");
      const char c = rest_[end];
      if (quote != '\0') {
        if (c == '\\' && quote != '`') ++end;
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '`' || c == '\'') {
        quote = c;
      } else if (rest_.substr(end).starts_with("}}")) {
        break;
      }
    }
    std::string_view action = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    if (action.starts_with("- ") || action.starts_with("-\n")) {
      action.remove_prefix(2);
      trim_last(nodes);
    }
    if (action.ends_with(" -")) {
      action.remove_suffix(2);
      trim_next_ = true;
    }
    return std::string(base::trim(action));
  }

  static void trim_last(std::vector<TemplateNode>& nodes) {
    if (nodes.empty() || nodes.back().kind != TemplateNode::Kind::kText) return;
    std::string& text = nodes.back().text;
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
      text.pop_back();
    }
  }

  std::string_view rest_;
  bool trim_next_ = false;
};

}  // namespace

std::vector<TemplateNode> parse_template(std::string_view text) {
  return TemplateParser(text).whole();
}

}  // namespace bld::cmd
