// bld run
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/run_in_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/history_flag.h"
#include "cmd/options.h"
#include "cmd/renderer.h"
#include "cmd/run_flags.h"
#include "cmd/terminal.h"

namespace bld::cmd {

namespace {

class Run : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add(
        "env,e", "NAME[=VALUE]", [this](const std::string& text) { add_env(text); },
        "set a variable of the command's environment");
    flags.add_text("user", "USER[:GROUP]", options_.user, "run as this user");
    flags.add_text("workingdir", "DIR", options_.directory, "run in this directory");
    flags.add_optional(
        "terminal,tty,t", "", "true", [this](const std::string& text) { terminal_ = parse_bool(text); },
        "give the command a terminal (default: if all of ours are terminals)");
    flags.add_text("hostname", "NAME", hostname_, "host name that the command sees");
    flags.add(
        "mount", "type=TYPE,…",
        [this](const std::string& text) {
          options_.mounts.push_back(dockerfile::parse_run_mount(text));
        },
        "a mount, as of RUN; a bind without from= shows a file of this machine");
    flags.add(
        "contextdir", "DIR", [this](const std::string& text) { options_.context = text; },
        "directory of the relative sources of --mount");
    history_.declare(flags);
    run_.declare(flags);
    flags.accept("no-pivot", "", "the command sees the same, however its root is changed");
  }

  int run(App& app, const FlagSet& flags, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, -1, "container ID must be specified");
    auto command = arguments.begin() + 1;
    if (command != arguments.end() && *command == "--") {
      ++command;
    } else if (command != arguments.end()) {
      refuse_flags_after_first({arguments[0], *command});  // those further on are the command's
    }
    options_.args.assign(command, arguments.end());
    if (options_.args.empty()) throw base::Error("command must be specified");
    const builder::WorkingContainer container = builder::get_container(app.store(), arguments[0]);
    options_.settings = settings(container, flags);
    if (!hostname_.empty()) options_.settings.hostname = hostname_;
    options_.stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(Progress::kQuiet, streams);
    std::optional<Terminal> terminal;
    if (terminal_.value_or(Terminal::is_here())) {
      terminal.emplace();
      options_.stdio.console_socket = terminal->socket();
      const std::string type = environment_variable("TERM").value_or("xterm");
      options_.env.insert(options_.env.begin(), "TERM=" + type);
    }
    const runtime::Exit exit = builder::run_in_container(
        container, options_, {app.store(), app.containers(), app.roots(), *renderer},
        app.stop_token());
    terminal.reset();
    if (history_.wanted()) {
      add_history(app.store(), arguments[0], "/bin/sh -c " + base::join(options_.args, " "));
    }
    if (exit.status == 0) return 0;
    throw base::Error("while running runtime: exit status {}", exit.status)
        .exit_status(exit.status);
  }

 private:
  // What `from` was told, and then our own.
  builder::CommandSettings settings(const builder::WorkingContainer& container,
                                    const FlagSet& given) const {
    RunFlags all;
    FlagSet flags;
    all.declare(flags);
    std::vector<std::string> words = container.run_flags;
    for (std::string& word : run_.words(given)) words.push_back(std::move(word));
    flags.parse(words, FlagPlacement::kAnywhere);
    return all.settings();
  }

  void add_env(const std::string& text) {
    const KeyAndValue variable = parse_key_value(text);
    if (variable.value) {
      options_.env.push_back(text);
    } else if (const auto ours = environment_variable(text.c_str())) {
      options_.env.push_back(text + "=" + *ours);
    }
  }

  builder::ContainerRunOptions options_;
  RunFlags run_;
  HistoryFlag history_;
  std::string hostname_;
  std::optional<bool> terminal_;
};

}  // namespace

std::unique_ptr<Command> make_run() { return std::make_unique<Run>(); }

}  // namespace bld::cmd
