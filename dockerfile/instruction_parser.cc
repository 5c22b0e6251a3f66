// One function for each instruction: the arguments of a statement as the struct of the AST.
#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "dockerfile/expand.h"
#include "dockerfile/json_words.h"
#include "dockerfile/parser.h"
#include "dockerfile/run_mount.h"
#include "dockerfile/statement.h"
#include "dockerfile/values.h"

namespace bld::dockerfile {

namespace {

using What = decltype(Instruction::what);

constexpr std::string_view kCommentHint = "a comment has a line of its own: here # is text";

void refuse_flags(const Statement& statement) { Flags(statement, {}); }

void need_arguments(const Statement& statement, std::string_view what) {
  if (!statement.argument_text().empty()) return;
  throw statement.at_arguments(
      base::Error("{} requires at least one argument: {}", statement.name, what));
}

std::optional<std::vector<std::string>> json_words(const Statement& statement,
                                                   std::string_view text) {
  try {
    return parse_json_words(text);
  } catch (const base::Error& error) {
    throw statement.at_arguments(error);
  }
}

CommandLine parse_command(const Statement& statement, std::size_t begin) {
  CommandLine command;
  const std::string_view text = trim_blanks(std::string_view(statement.line.text).substr(begin));
  command.span = statement.line.span(begin, statement.line.text.size());
  if (auto words = json_words(statement, text)) {
    command.is_shell = false;
    command.exec = std::move(*words);
    return command;
  }
  command.shell_text = text;
  command.heredocs = statement.heredocs;
  command.only_heredoc = command.heredocs.size() == 1 && heredoc_mark(text).has_value();
  return command;
}

// Words in either form, with their quotes and substitutions checked.
std::vector<Word> parse_list(const Statement& statement) {
  std::vector<Word> words;
  const Span span = statement.rest().span;
  if (auto strings = json_words(statement, statement.argument_text())) {
    for (std::string& text : *strings) {
      words.push_back(statement.checked({std::move(text), span}));
    }
    return words;
  }
  for (const Token& token : split_at_blanks(statement.line.text, statement.arguments)) {
    words.push_back(statement.word(token));
  }
  return words;
}

Word single_word(const Statement& statement, std::string_view what) {
  refuse_flags(statement);
  if (statement.argument_text().empty()) {
    throw statement.at_arguments(
        base::Error("{} requires exactly one argument: {}", statement.name, what));
  }
  return statement.checked(statement.rest());
}

// The word if nothing in it depends on a variable: what is wrong with it can be said now.
std::optional<std::string> literal(const Statement& statement, const Word& word) {
  if (!variables_in(word.text, statement.escape).empty()) return std::nullopt;
  const Lookup nothing = [](std::string_view) { return std::optional<std::string>(); };
  return expand_word(word.text, nothing, statement.escape);
}

void need_name(const Statement& statement, const Word& key) {
  const auto name = literal(statement, key);
  if (!name || !name->empty()) return;
  throw statement.at_arguments(base::Error("{} names cannot be blank", statement.name));
}

What parse_from(const Statement& statement) {
  static constexpr std::array<FlagSpec, 1> kFlags = {{{"platform"}}};
  const Flags flags(statement, kFlags);
  const auto words = split_at_blanks(statement.line.text, statement.arguments);
  const bool named = words.size() == 3 && base::to_upper(words[1].text) == "AS";
  if (words.size() != 1 && !named) {
    base::Error error("FROM requires either one or three arguments: IMAGE or IMAGE AS NAME");
    throw statement.at_arguments(error);
  }
  From from;
  from.platform = flags.string("platform");
  if (from.platform) statement.checked(*from.platform);
  from.image = statement.checked(statement.word(words.front()));
  if (const auto image = literal(statement, from.image); image && image->empty()) {
    throw statement.at(base::Error("the image name of FROM is empty"), from.image.span);
  }
  if (!named) return from;
  from.as_word = words[1].text;
  from.as_span = statement.word(words[1]).span;
  from.name_span = statement.word(words[2]).span;
  from.name_as_written = words[2].text;
  from.name = base::to_lower(words[2].text);
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  const bool letter_first = from.name.front() >= 'a' && from.name.front() <= 'z';
  if (!letter_first || !std::all_of(from.name.begin(), from.name.end(), allowed)) {
    base::Error error("invalid name for a stage: '{}'", base::printable(from.name_as_written));
    error.hint("a stage name begins with a letter, and has letters, digits, '-', '_' and '.'");
    throw statement.at(error, statement.word(words[2]).span);
  }
  return from;
}

void check_choice(const Statement& statement, std::string_view flag, const Word& value,
                  std::span<const std::string_view> choices) {
  if (std::find(choices.begin(), choices.end(), value.text) != choices.end()) return;
  base::Error error("--{} does not know '{}'", flag, base::printable(value.text));
  std::string list;
  for (const std::string_view choice : choices) {
    list += list.empty() ? "" : ", ";
    list += choice;
  }
  throw statement.at(error.hint("the choices are " + list), value.span);
}

// NAME[,required[=BOOLEAN]]; name=NAME is the same.
RunDevice parse_device(const Statement& statement, const Word& word) {
  RunDevice device{.name = {}, .span = word.span};
  const auto refuse = [&](const base::Error& error) { throw statement.at(error, word.span); };
  for (const std::string& field : base::split(word.text, ',')) {
    const std::size_t equals = field.find('=');
    const std::string key = base::to_lower(field.substr(0, equals));
    const std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    if (key == "required") {
      const bool is_true = value.empty() || value == "true" || value == "1";
      if (!is_true && value != "false" && value != "0") {
        refuse(base::Error("required is true or false, not '{}'", base::printable(value)));
      }
      device.required = is_true;
    } else if (key == "name" && device.name.empty()) {
      device.name = value;
    } else if (device.name.empty()) {
      device.name = field;
    } else {
      refuse(base::Error("unknown device option '{}'", base::printable(field))
                 .hint("write --device=NAME or --device=NAME,required"));
    }
  }
  if (device.name.empty()) refuse(base::Error("--device needs the name of a device"));
  return device;
}

What parse_run(const Statement& statement) {
  static constexpr std::array<FlagSpec, 4> kFlags = {
      {{"mount", FlagKind::kRepeated}, {"network"}, {"security"}, {"device", FlagKind::kRepeated}}};
  static constexpr std::array<std::string_view, 3> kNetworks = {"default", "none", "host"};
  static constexpr std::array<std::string_view, 2> kSecurity = {"sandbox", "insecure"};
  const Flags flags(statement, kFlags);
  Run run;
  run.mounts = flags.repeated("mount");
  for (const Word& mount : run.mounts) {
    try {
      check_run_mount(mount.text);
    } catch (const base::Error& error) {
      throw statement.at(error, mount.span);
    }
  }
  if (const auto network = flags.string("network")) {
    check_choice(statement, "network", *network, kNetworks);
    run.network = network->text;
  }
  if (const auto security = flags.string("security")) {
    check_choice(statement, "security", *security, kSecurity);
    run.security = security->text;
  }
  for (const Word& device : flags.repeated("device")) {
    run.devices.push_back(parse_device(statement, device));
  }
  need_arguments(statement, "a command");
  run.command = parse_command(statement, statement.arguments);
  if (!run.command.is_shell && run.command.exec.empty()) {
    throw statement.at_arguments(base::Error("RUN requires a command, not an empty list"));
  }
  return run;
}

template <typename Instruction>
What parse_command_instruction(const Statement& statement) {
  refuse_flags(statement);
  need_arguments(statement, "a command");
  return Instruction{parse_command(statement, statement.arguments)};
}

void check_body(const Statement& statement, const Heredoc& heredoc) {
  if (!heredoc.expand) return;
  const auto mistake = mistake_in_heredoc(heredoc.body);
  if (!mistake) return;
  const std::string_view before = std::string_view(heredoc.body).substr(0, mistake->offset);
  const auto line =
      heredoc.body_line + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line_begin = before.rfind('\n') + 1;  // 0 on the first line
  const auto column = static_cast<int>(mistake->offset - line_begin) + 1;
  const std::string_view piece =
      std::string_view(heredoc.body).substr(mistake->offset, mistake->length);
  const auto length = static_cast<int>(std::min(piece.find('\n'), piece.size()));
  throw statement.at(mistake->error, {line, column, length, line});
}

// A word of COPY, ADD or VOLUME, where no quotes hold a path with blanks together.
Word checked_path(const Statement& statement, const Word& word) {
  try {
    return statement.checked(word);
  } catch (base::Error& error) {
    if (word.text.find_first_of("'\"") != std::string::npos && error.hint().empty()) {
      error.hint(
          fmt::format("paths with blanks need the JSON form: {} [\"a b\", …]", statement.name));
    }
    throw;
  }
}

// Sources and destination of COPY and ADD, with heredocs where they are named.
template <typename Instruction>
void parse_paths(const Statement& statement, Instruction& result) {
  std::vector<Word> words = parse_list(statement);
  if (words.size() < 2) {
    base::Error error("{} requires at least two arguments: a source and a destination",
                      statement.name);
    throw statement.at_arguments(error);
  }
  result.destination = std::move(words.back());
  words.pop_back();
  if (!statement.heredocs.empty() && heredoc_mark(result.destination.text)) {
    throw statement.at(base::Error("{} cannot have a heredoc as its destination", statement.name),
                       result.destination.span);
  }
  result.destination = checked_path(statement, result.destination);
  auto heredoc = statement.heredocs.begin();
  for (const Word& word : words) {
    if (heredoc != statement.heredocs.end() && heredoc->span == word.span) {
      check_body(statement, *heredoc);
      result.sources.emplace_back(*heredoc++);
    } else {
      result.sources.emplace_back(checked_path(statement, word));
    }
  }
  if (heredoc != statement.heredocs.end()) {
    throw statement.at(base::Error("the name of a heredoc file is one word"), heredoc->span);
  }
}

std::optional<Word> checked_flag(const Statement& statement, const Flags& flags,
                                 std::string_view name) {
  std::optional<Word> word = flags.string(name);
  if (word) statement.checked(*word);
  return word;
}

std::vector<Word> parse_excludes(const Statement& statement, const Flags& flags) {
  std::vector<Word> excludes = flags.repeated("exclude");
  for (const Word& exclude : excludes) statement.checked(exclude);
  return excludes;
}

What parse_copy(const Statement& statement) {
  static constexpr std::array<FlagSpec, 6> kFlags = {{{"chown"},
                                                      {"chmod"},
                                                      {"from"},
                                                      {"link", FlagKind::kBoolean},
                                                      {"parents", FlagKind::kBoolean},
                                                      {"exclude", FlagKind::kRepeated}}};
  const Flags flags(statement, kFlags);
  Copy copy;
  copy.chown = checked_flag(statement, flags, "chown");
  copy.chmod = checked_flag(statement, flags, "chmod");
  copy.from = flags.string("from");
  if (copy.from && copy.from->text.find('$') < copy.from->text.size() - 1) {
    base::Error error("--from={}: variable expansion is not supported here",
                      base::printable(copy.from->text));
    error.hint("give the image a name with FROM … AS NAME, and use --from=NAME");
    throw statement.at(error, copy.from->span);
  }
  copy.excludes = parse_excludes(statement, flags);
  copy.link = flags.boolean("link").value_or(false);
  copy.parents = flags.boolean("parents").value_or(false);
  parse_paths(statement, copy);
  return copy;
}

// A digest of a file, or a commit of a repository, at least as much of it as git takes.
void check_checksum(const Statement& statement, const Word& word) {
  const auto text = literal(statement, word);
  if (!text) return;
  constexpr std::string_view kSha256 = "sha256:";
  constexpr std::size_t kDigits = 64;
  constexpr std::size_t kShortCommit = 7;
  const bool is_digest = text->starts_with(kSha256);
  const std::string_view digits = std::string_view(*text).substr(is_digest ? kSha256.size() : 0);
  const bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (is_hex && (is_digest ? digits.size() == kDigits : digits.size() >= kShortCommit)) return;
  base::Error error("--checksum: '{}' is neither the digest of a file nor a commit",
                    base::printable(*text));
  error.hint("write sha256: and 64 hexadecimal digits in lower case, or a commit's digits");
  throw statement.at(error, word.span);
}

What parse_add(const Statement& statement) {
  static constexpr std::array<FlagSpec, 7> kFlags = {{{"chown"},
                                                      {"chmod"},
                                                      {"checksum"},
                                                      {"link", FlagKind::kBoolean},
                                                      {"keep-git-dir", FlagKind::kBoolean},
                                                      {"unpack", FlagKind::kBoolean},
                                                      {"exclude", FlagKind::kRepeated}}};
  const Flags flags(statement, kFlags);
  Add add;
  add.chown = checked_flag(statement, flags, "chown");
  add.chmod = checked_flag(statement, flags, "chmod");
  add.checksum = checked_flag(statement, flags, "checksum");
  if (add.checksum) check_checksum(statement, *add.checksum);
  add.excludes = parse_excludes(statement, flags);
  add.link = flags.boolean("link").value_or(false);
  add.unpack = flags.boolean("unpack");
  add.keep_git_dir = flags.boolean("keep-git-dir");
  parse_paths(statement, add);
  return add;
}

// NAME=value …, or the old form: NAME, a blank, and the rest of the line as the value.
template <typename Instruction>
What parse_pairs(const Statement& statement) {
  refuse_flags(statement);
  need_arguments(statement, "NAME=value");
  Instruction result;
  const auto add = [&](Word key, Word value) {
    key = statement.checked(std::move(key));
    need_name(statement, key);
    result.pairs.push_back({std::move(key), statement.checked(std::move(value))});
  };
  const LogicalLine& line = statement.line;
  const auto words = split_quoted(line.text, statement.arguments, statement.escape);
  if (words.empty()) need_arguments(statement, "NAME=value");
  if (words.empty() || words.front().text.find('=') == std::string::npos) {
    const auto parts = split_at_blanks(line.text, statement.arguments);
    if (parts.size() < 2) {
      base::Error error("{} must have two arguments: NAME=value", statement.name);
      throw statement.at_arguments(error);
    }
    result.legacy_form = true;
    const std::size_t begin = parts[1].begin;
    add(statement.word(parts[0]), {line.text.substr(begin), line.span(begin, line.text.size())});
    return result;
  }
  for (const Token& token : words) {
    if (token.text.find('=') != std::string::npos) continue;
    base::Error error("there is no = in '{}': {} takes NAME=value", base::printable(token.text),
                      statement.name);
    error.hint(token.text.starts_with('#') ? std::string(kCommentHint)
                                           : "a value with blanks needs quotes");
    throw statement.at(error, statement.word(token).span);
  }
  for (const Token& token : words) {
    const std::size_t equals = token.text.find('=');
    const Span span = statement.word(token).span;
    add({token.text.substr(0, equals), span}, {token.text.substr(equals + 1), span});
  }
  return result;
}

What parse_arg(const Statement& statement) {
  refuse_flags(statement);
  need_arguments(statement, "NAME or NAME=value");
  Arg arg;
  for (const Token& token :
       split_quoted(statement.line.text, statement.arguments, statement.escape)) {
    const Span span = statement.word(token).span;
    const std::size_t equals = token.text.find('=');
    ArgDefinition definition;
    definition.name = statement.checked({token.text.substr(0, equals), span});
    need_name(statement, definition.name);
    if (equals != std::string::npos) {
      definition.value = statement.checked({token.text.substr(equals + 1), span});
    }
    arg.args.push_back(std::move(definition));
  }
  return arg;
}

What parse_expose(const Statement& statement) {
  refuse_flags(statement);
  need_arguments(statement, "a port");
  Expose expose;
  const Lookup nothing = [](std::string_view) { return std::optional<std::string>(); };
  for (const Token& token : split_at_blanks(statement.line.text, statement.arguments)) {
    const Word& word = expose.ports.emplace_back(statement.checked(statement.word(token)));
    if (!variables_in(word.text, statement.escape).empty()) continue;
    try {
      for (const std::string& port : expand_words(word.text, nothing, statement.escape)) {
        exposed_ports(port);
      }
    } catch (base::Error& error) {
      if (word.text.starts_with('#')) error.hint(std::string(kCommentHint));
      throw statement.at(error, word.span);
    }
  }
  return expose;
}

What parse_volume(const Statement& statement) {
  refuse_flags(statement);
  need_arguments(statement, "a path");
  Volume volume;
  for (const Word& word : parse_list(statement)) {
    volume.paths.push_back(checked_path(statement, word));
    const auto path = literal(statement, volume.paths.back());
    if (path && trim_blanks(*path).empty()) {
      throw statement.at_arguments(base::Error("VOLUME cannot be an empty string"));
    }
  }
  if (volume.paths.empty()) {
    throw statement.at_arguments(base::Error("VOLUME requires at least one argument: a path"));
  }
  return volume;
}

What parse_user(const Statement& statement) {
  return User{single_word(statement, "a user, or USER:GROUP")};
}

What parse_workdir(const Statement& statement) {
  return Workdir{single_word(statement, "a folder")};
}

What parse_stop_signal(const Statement& statement) {
  StopSignal result{single_word(statement, "a signal")};
  if (const auto signal = literal(statement, result.signal)) {
    try {
      check_stop_signal(*signal);
    } catch (const base::Error& error) {
      throw statement.at(error, result.signal.span);
    }
  }
  return result;
}

long long healthcheck_duration(const Statement& statement, const Flags& flags,
                               std::string_view name) {
  constexpr long long kMillisecond = 1'000'000;
  const auto word = flags.string(name);
  if (!word) return 0;
  try {
    const long long duration = parse_duration_ns(word->text);
    if (duration == 0 || duration >= kMillisecond) return duration;
    throw base::Error("--{}={} is less than 1ms", name, word->text);
  } catch (const base::Error& error) {
    throw statement.at(error, word->span);
  }
}

What parse_healthcheck(const Statement& statement) {
  static constexpr std::array<FlagSpec, 5> kFlags = {
      {{"interval"}, {"timeout"}, {"start-period"}, {"start-interval"}, {"retries"}}};
  const Flags flags(statement, kFlags);
  need_arguments(statement, "CMD and a command, or NONE");
  const auto words = split_at_blanks(statement.line.text, statement.arguments);
  const std::string kind = base::to_upper(words.front().text);
  Healthcheck check;
  if (kind == "NONE") {
    if (words.size() > 1 || !statement.flags.empty()) {
      throw statement.at_arguments(base::Error("HEALTHCHECK NONE takes no arguments and no flags"));
    }
    check.none = true;
    return check;
  }
  if (kind != "CMD") {
    base::Error error("HEALTHCHECK does not know '{}'", base::printable(words.front().text));
    throw statement.at(error.hint("write HEALTHCHECK CMD command, or HEALTHCHECK NONE"),
                       statement.word(words.front()).span);
  }
  check.interval_ns = healthcheck_duration(statement, flags, "interval");
  check.timeout_ns = healthcheck_duration(statement, flags, "timeout");
  check.start_period_ns = healthcheck_duration(statement, flags, "start-period");
  check.start_interval_ns = healthcheck_duration(statement, flags, "start-interval");
  if (const auto retries = flags.string("retries")) {
    const auto number = base::parse_unsigned(retries->text);
    if (!number || *number > std::numeric_limits<int>::max()) {
      base::Error error("--retries is a number from 0 on, not '{}'",
                        base::printable(retries->text));
      throw statement.at(error, retries->span);
    }
    check.retries = static_cast<int>(*number);
  }
  if (words.size() > 1) check.command = parse_command(statement, words[1].begin);
  if (words.size() == 1 || (!check.command.is_shell && check.command.exec.empty())) {
    throw statement.at_arguments(base::Error("there is no command after HEALTHCHECK CMD"));
  }
  return check;
}

What parse_shell(const Statement& statement) {
  refuse_flags(statement);
  need_arguments(statement, "[\"program\", \"argument\"]");
  auto words = json_words(statement, statement.argument_text());
  if (!words || words->empty()) {
    base::Error error("SHELL requires the JSON form with at least one element");
    throw statement.at_arguments(error.hint("for example SHELL [\"/bin/bash\", \"-c\"]"));
  }
  return Shell{std::move(*words)};
}

What parse_maintainer(const Statement& statement) {
  refuse_flags(statement);
  need_arguments(statement, "a name");
  return Maintainer{std::string(statement.argument_text())};
}

What parse_onbuild(const Statement& statement) {
  refuse_flags(statement);
  need_arguments(statement, "an instruction");
  Statement trigger =
      begin_statement(statement.source, statement.line, statement.arguments, statement.escape);
  const Span span = statement.line.span(trigger.name_begin, trigger.name_end);
  if (trigger.name == "ONBUILD") {
    throw statement.at(base::Error("ONBUILD ONBUILD: triggers cannot be chained"), span);
  }
  if (trigger.name == "FROM" || trigger.name == "MAINTAINER") {
    throw statement.at(base::Error("{} is not allowed as an ONBUILD trigger", trigger.name), span);
  }
  trigger.heredocs = statement.heredocs;
  parse_arguments(trigger);
  CommandLine text;
  text.shell_text = statement.argument_text();
  text.heredocs = statement.heredocs;
  return Onbuild{text.text_with_bodies()};
}

constexpr std::array<std::string_view, 18> kNames = {
    "FROM",    "RUN",        "CMD",         "ENTRYPOINT", "COPY",       "ADD",
    "ENV",     "LABEL",      "ARG",         "EXPOSE",     "VOLUME",     "USER",
    "WORKDIR", "STOPSIGNAL", "HEALTHCHECK", "SHELL",      "MAINTAINER", "ONBUILD"};

// In the order of the names.
constexpr std::array<What (*)(const Statement&), 18> kParsers = {
    parse_from,
    parse_run,
    parse_command_instruction<Cmd>,
    parse_command_instruction<Entrypoint>,
    parse_copy,
    parse_add,
    parse_pairs<Env>,
    parse_pairs<Label>,
    parse_arg,
    parse_expose,
    parse_volume,
    parse_user,
    parse_workdir,
    parse_stop_signal,
    parse_healthcheck,
    parse_shell,
    parse_maintainer,
    parse_onbuild};

// What comes along when text is copied from a web page.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSeemingBlanks = {
    {{"\xc2\xa0", "U+00A0"},
     {"\xe2\x80\xaf", "U+202F"},
     {"\xe2\x80\x8b", "U+200B"},
     {"\xe3\x80\x80", "U+3000"}}};

}  // namespace

std::span<const std::string_view> instruction_names() { return kNames; }

decltype(Instruction::what) parse_arguments(const Statement& statement) {
  const auto known = std::find(kNames.begin(), kNames.end(), statement.name);
  if (known == kNames.end()) {
    const std::string_view written =
        std::string_view(statement.line.text)
            .substr(statement.name_begin, statement.name_end - statement.name_begin);
    base::Error error("unknown instruction: {}", base::printable(written.substr(0, 100)));
    if (const auto meant = base::nearest(written.substr(0, 100), kNames)) {
      error.hint("did you mean " + *meant + "?");
    }
    for (const auto& [bytes, code_point] : kSeemingBlanks) {
      if (written.find(bytes) == std::string_view::npos) continue;
      error.hint(
          fmt::format("the line has the character {}, which only looks like a blank", code_point));
    }
    throw statement.at(error, statement.line.span(statement.name_begin, statement.name_end));
  }
  return kParsers.at(static_cast<std::size_t>(known - kNames.begin()))(statement);
}

}  // namespace bld::dockerfile
