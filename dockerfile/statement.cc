#include "dockerfile/statement.h"

#include <algorithm>

#include "base/text.h"
#include "dockerfile/expand.h"

namespace bld::dockerfile {

Word Statement::rest() const {
  return {std::string(argument_text()), line.span(arguments, line.text.size())};
}

base::Error Statement::at(const base::Error& error, const Span& span) const {
  base::Error result = error;
  if (span.line != line.first_line) {
    result = base::Error("{} (in the {} of line {})", error.message(), name,
                         source.position({line.first_line}).line);
    if (!error.hint().empty()) result.hint(error.hint());
  }
  result.at(source.position(span));
  return result;
}

base::Error Statement::at_arguments(const base::Error& error) const {
  const bool none = arguments >= line.text.size();
  return at(error, none ? line.span(name_begin, name_end) : line.span(arguments, line.text.size()));
}

Word Statement::checked(Word word) const {
  try {
    check_word(word.text, escape);
  } catch (const base::Error& error) {
    throw at(error, word.span);
  }
  return word;
}

Statement begin_statement(const SourceText& source, const LogicalLine& line, std::size_t begin,
                          char escape) {
  Statement statement{source, line, escape, {}, 0, 0, {}, 0, {}};
  const std::string_view text = line.text;
  while (begin < text.size() && is_blank(text[begin])) ++begin;
  std::size_t end = begin;
  while (end < text.size() && !is_blank(text[end])) ++end;
  statement.name = base::to_upper(text.substr(begin, end - begin));
  statement.name_begin = begin;
  statement.name_end = end;
  statement.flags = split_flags(text, end, escape, statement.arguments);
  return statement;
}

Flags::Flags(const Statement& statement, std::span<const FlagSpec> known) : statement_(statement) {
  std::vector<std::string_view> names;
  for (const FlagSpec& spec : known) names.push_back(spec.name);
  for (const Token& token : statement.flags) {
    const Span span = statement.line.span(token.begin, token.end);
    const std::string_view text = std::string_view(token.text).substr(2);
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const auto spec = std::find_if(known.begin(), known.end(),
                                   [&](const FlagSpec& other) { return other.name == name; });
    if (spec == known.end()) {
      base::Error error("{} has no flag --{}", statement.name, base::printable(name));
      if (const auto meant = base::nearest(name, names))
        error.hint("did you mean --" + *meant + "?");
      throw statement.at(error, span);
    }
    const bool repeated = std::any_of(flags_.begin(), flags_.end(),
                                      [&](const Flag& other) { return other.name == spec->name; });
    if (repeated && spec->kind != FlagKind::kRepeated) {
      throw statement.at(base::Error("the flag --{} is given twice", name), span);
    }
    const bool has_value = equals != std::string_view::npos;
    flags_.push_back(
        {spec->name, has_value, {std::string(has_value ? text.substr(equals + 1) : ""), span}});
    check_value(flags_.back(), spec->kind);
  }
}

void Flags::check_value(const Flag& flag, FlagKind kind) const {
  if (kind == FlagKind::kBoolean) {
    const std::string value = base::to_lower(flag.value.text);
    if (!flag.has_value || value == "true" || value == "false") return;
    throw statement_.at(base::Error("the flag --{} is true or false, not '{}'", flag.name,
                                    base::printable(flag.value.text)),
                        flag.value.span);
  }
  if (!flag.has_value) {
    throw statement_.at(base::Error("the flag --{} needs a value: --{}=…", flag.name, flag.name),
                        flag.value.span);
  }
}

std::optional<bool> Flags::boolean(std::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.name == name) return base::to_lower(flag.value.text) != "false";
  }
  return std::nullopt;
}

std::optional<Word> Flags::string(std::string_view name) const {
  for (const Flag& flag : flags_) {
    if (flag.name == name && !flag.value.text.empty()) return flag.value;
  }
  return std::nullopt;
}

std::vector<Word> Flags::repeated(std::string_view name) const {
  std::vector<Word> values;
  for (const Flag& flag : flags_) {
    if (flag.name == name) values.push_back(flag.value);
  }
  return values;
}

}  // namespace bld::dockerfile
