// The AST of a Containerfile: one struct for each instruction, holding what was written.
//
// Nothing is expanded here. A Word keeps its quotes, escapes and variables, for expand.h to
// resolve when the values are known; flags have lost their quotes and escapes, as the language
// has it, but not their variables.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/events.h"
#include "dockerfile/source_text.h"

namespace bld::dockerfile {

struct Word {
  std::string text;
  Span span;
};

struct KeyValue {
  Word key;
  Word value;
};

struct Heredoc {
  std::string name;  // the end word, without quotes
  std::string body;  // as written; strip_leading_tabs() for what <<- means
  bool expand = true;
  bool strip_tabs = false;
  int fd = 0;         // 0 as nothing written
  Span span;          // of the <<WORD
  int body_line = 0;  // where the body begins

  std::string content() const;  // the body, without leading tabs if it was <<-
};

// A command as shell text or as words. For a RUN with heredocs the builder has to choose:
// if `only_heredoc`, the content of the one heredoc is the script; else the shell gets
// text_with_bodies().
struct CommandLine {
  bool is_shell = true;
  std::string shell_text;
  std::vector<std::string> exec;
  std::vector<Heredoc> heredocs;
  bool only_heredoc = false;
  Span span;

  std::string text_with_bodies() const;
};

struct From {
  Word image;  // expanded with the global ARGs
  std::optional<Word> platform;
  std::string name;  // lower case; empty if there is none
  std::string name_as_written;
  std::string as_word;  // "AS" as it was written
  Span name_span, as_span;
};

// --device: a device that the builder offers by a CDI name.
struct RunDevice {
  std::string name;
  bool required = false;  // without it the command is not even started
  Span span;
};

struct Run {
  CommandLine command;
  std::vector<Word> mounts;          // for parse_run_mount()
  std::string network = "default";   // default, none or host
  std::string security = "sandbox";  // sandbox or insecure
  std::vector<RunDevice> devices;
};

struct Cmd {
  CommandLine command;
};

struct Entrypoint {
  CommandLine command;
};

// A file that the Containerfile itself holds, or a word that names sources.
using CopySource = std::variant<Word, Heredoc>;

struct Copy {
  std::vector<CopySource> sources;
  Word destination;
  std::optional<Word> chown;
  std::optional<Word> chmod;
  std::optional<Word> from;  // never expanded
  std::vector<Word> excludes;
  bool link = false;
  bool parents = false;
};

struct Add {
  std::vector<CopySource> sources;
  Word destination;
  std::optional<Word> chown;
  std::optional<Word> chmod;
  std::optional<Word> checksum;
  std::vector<Word> excludes;
  std::optional<bool> unpack;
  std::optional<bool> keep_git_dir;
  bool link = false;
};

struct Env {
  std::vector<KeyValue> pairs;  // all values see the variables as they were before the line
  bool legacy_form = false;     // ENV KEY rest of the line
};

struct Label {
  std::vector<KeyValue> pairs;
  bool legacy_form = false;
};

struct ArgDefinition {
  Word name;
  std::optional<Word> value;
};

struct Arg {
  std::vector<ArgDefinition> args;  // later ones see earlier ones
};

struct Expose {
  std::vector<Word> ports;  // expand_words(), then exposed_ports() of values.h
};

struct Volume {
  std::vector<Word> paths;
};

struct User {
  Word user;
};

struct Workdir {
  Word path;  // blanks belong to it
};

struct StopSignal {
  Word signal;
};

struct Healthcheck {
  bool none = false;
  CommandLine command;  // the shell form is not wrapped in SHELL
  // In nanoseconds, as the config has them; 0 means the default.
  long long interval_ns = 0;
  long long timeout_ns = 0;
  long long start_period_ns = 0;
  long long start_interval_ns = 0;
  int retries = 0;
};

struct Shell {
  std::vector<std::string> shell;  // at least one element
};

struct Maintainer {
  std::string author;
};

struct Onbuild {
  std::string trigger;  // for the config, and for parse_onbuild_trigger()
};

struct Instruction {
  std::string name;  // upper case
  Span span;
  Span name_span;
  std::string name_as_written;
  // The comment lines directly above, without # and blanks at their ends.
  std::vector<std::string> comments;
  // For display, and history: continuation lines joined, heredoc bodies with end words appended.
  std::string original;
  std::variant<From, Run, Cmd, Entrypoint, Copy, Add, Env, Label, Arg, Expose, Volume, User,
               Workdir, StopSignal, Healthcheck, Shell, Maintainer, Onbuild>
      what;
};

struct Directives {
  char escape = '\\';
  std::string syntax;
  std::string check;  // as written; parse_check_options() of lint.h
  Span check_span;
};

struct Containerfile {
  Directives directives;
  std::vector<Instruction> instructions;
  std::vector<base::Warning> warnings;
  std::vector<Span> empty_continuations;  // an empty line within each such instruction
};

}  // namespace bld::dockerfile
