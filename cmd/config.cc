// bld config
#include <functional>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/config_edits.h"
#include "cmd/healthcheck_flags.h"
#include "cmd/history_flag.h"
#include "cmd/options.h"
#include "cmd/render_error.h"
#include "cmd/shell_words.h"
#include "cmd/standard_streams.h"
#include "dockerfile/values.h"

namespace bld::cmd {

namespace {

using base::Error;
using builder::WorkingContainer;

// The instructions that --add-history writes, in the order in which Buildah does.
struct HistoryKind {
  std::string_view instruction;

  enum { kOneEach, kOneOfAll, kLast } entries;
};

constexpr HistoryKind kHistoryKinds[] = {
    {"USER", HistoryKind::kLast},        {"SHELL", HistoryKind::kLast},
    {"STOPSIGNAL", HistoryKind::kLast},  {"EXPOSE", HistoryKind::kOneOfAll},
    {"ENV", HistoryKind::kOneOfAll},     {"ENTRYPOINT", HistoryKind::kLast},
    {"CMD", HistoryKind::kLast},         {"VOLUME", HistoryKind::kOneEach},
    {"HEALTHCHECK", HistoryKind::kLast}, {"LABEL", HistoryKind::kOneOfAll},
    {"WORKDIR", HistoryKind::kLast},     {"ONBUILD", HistoryKind::kOneEach},
};

using ValuesOfInstructions = std::map<std::string, std::vector<std::string>, std::less<>>;

std::vector<std::string> history_of(const ValuesOfInstructions& values) {
  std::vector<std::string> history;
  for (const HistoryKind& kind : kHistoryKinds) {
    const auto found = values.find(kind.instruction);
    if (found == values.end()) continue;
    const auto write = [&](const std::string& text) {
      history.push_back(fmt::format("/bin/sh -c #(nop) {} {}", kind.instruction, text));
    };
    if (kind.entries == HistoryKind::kLast) write(found->second.back());
    if (kind.entries == HistoryKind::kOneOfAll) write(base::join(found->second, " "));
    if (kind.entries == HistoryKind::kOneEach) {
      for (const std::string& text : found->second) write(text);
    }
  }
  return history;
}

void warn(std::string text) { print_error(render_warning({std::move(text), std::nullopt})); }

// Only Docker's format has a place for it. A container of the other keeps it for a commit that is
// told to write Docker's.
void set_dockers(std::string& target, const std::string& text, const WorkingContainer& container,
                 std::string_view name) {
  target = text;
  if (text.empty() || container.format == builder::ImageFormat::kDocker) return;
  const bool is_hostname = name == "hostname";
  warn(fmt::format(
      "{} is not supported for {} image format, {} {} will be ignored. Must use `docker` format",
      base::to_upper(name), is_hostname ? "OCI V1" : "OCI", name, text));
}

class Config : public Command {
 public:
  void declare(FlagSet& flags) override {
    declare_texts(flags);
    declare_lists(flags);
    declare_commands(flags);
    healthcheck_.declare(flags);
    add_history_.declare(flags);
  }

  int run(App& app, const FlagSet& flags, const std::vector<std::string>& arguments) override {
    refuse_flags_after_first(arguments);
    expect_arguments(arguments, 1, 1, "container ID must be specified");
    builder::edit_container(app.store(), arguments[0], [&](WorkingContainer& container) {
      for (const auto& edit : edits_) edit(container);
      healthcheck_.apply(container.config.config);
      if (add_history_.wanted()) {
        if (healthcheck_.given()) values_["HEALTHCHECK"] = {healthcheck_.history()};
        for (std::string& entry : history_of(values_))
          container.history.push_back(std::move(entry));
      }
      if (flags.given("entrypoint") && !flags.given("cmd")) warn_of_cmd(container);
    });
    return 0;
  }

 private:
  using Edit = std::function<void(WorkingContainer&, const std::string&)>;

  // `instruction`: what the change is called in the history; empty: it has no entry.
  void add(FlagSet& flags, std::string_view names, std::string value_name, std::string instruction,
           Edit edit, std::string help) {
    flags.add(
        names, std::move(value_name),
        [this, flag = flag_of(names), instruction = std::move(instruction), edit = std::move(edit)](
            const std::string& text) { change(flag, instruction, edit, text); },
        std::move(help));
  }

  // The same for a flag whose values are separated by commas.
  void add_comma_list(FlagSet& flags, std::string_view names, std::string value_name,
                      std::string instruction, Edit edit, std::string help) {
    flags.add(
        names, std::move(value_name),
        [this, flag = flag_of(names), instruction = std::move(instruction),
         edit = std::move(edit)](const std::string& text) {
          for (const std::string& part : base::split(text, ',')) {
            change(flag, instruction, edit, part);
          }
        },
        std::move(help));
  }

  static std::string flag_of(std::string_view names) {
    return "--" + std::string(names.substr(0, names.find(',')));
  }

  void change(const std::string& flag, const std::string& instruction, const Edit& edit,
              const std::string& text) {
    if (!instruction.empty()) values_[instruction].push_back(text);
    edits_.push_back([edit, flag, text](WorkingContainer& container) {
      try {
        edit(container, text);
      } catch (Error& error) {
        error.add_context(flag);
        throw;
      }
    });
  }

  void declare_texts(FlagSet& flags) {
    add(
        flags, "author", "TEXT", "", [](auto& c, auto& text) { c.config.author = text; },
        "author of the image");
    add(
        flags, "comment", "TEXT", "",
        [](auto& c, auto& text) { set_dockers(c.config.comment, text, c, "comment"); },
        "comment of the image");
    add(
        flags, "created-by", "TEXT", "", [](auto& c, auto& text) { c.created_by = text; },
        "what the history says made the next layer");
    add(
        flags, "history-comment", "TEXT", "", [](auto& c, auto& text) { c.history_comment = text; },
        "comment of that entry");
    add(
        flags, "hostname", "NAME", "",
        [](auto& c, auto& text) { set_dockers(c.config.config.hostname, text, c, "hostname"); },
        "host name of containers");
    add(
        flags, "domainname", "NAME", "",
        [](auto& c, auto& text) { set_dockers(c.config.config.domainname, text, c, "domainname"); },
        "domain name of containers");
    add(
        flags, "user,u", "USER[:GROUP]", "USER",
        [](auto& c, auto& text) { c.config.config.user = text; }, "user of commands");
    add(
        flags, "workingdir", "DIR", "WORKDIR",
        [](auto& c, auto& text) { c.config.config.working_dir = text; }, "directory of commands");
    add(
        flags, "os", "NAME", "", [](auto& c, auto& text) { c.config.platform.os = text; },
        "operating system of the image");
    add(
        flags, "arch", "NAME", "",
        [](auto& c, auto& text) { c.config.platform.architecture = text; },
        "architecture of the image");
    add(
        flags, "variant", "NAME", "", [](auto& c, auto& text) { c.config.platform.variant = text; },
        "variant of the architecture");
    add(
        flags, "os-version", "TEXT", "",
        [](auto& c, auto& text) { c.config.platform.os_version = text; },
        "version of the operating system that is needed");
    add(
        flags, "stop-signal", "SIGNAL", "STOPSIGNAL",
        [](auto& c, auto& text) {
          if (!text.empty()) dockerfile::check_stop_signal(text);
          c.config.config.stop_signal = text;
        },
        "signal that stops containers");
  }

  void declare_lists(FlagSet& flags) {
    add(
        flags, "env,e", "NAME=VALUE", "ENV",
        [](auto& c, auto& text) { edit_env(c.config.config.env, text); },
        "set a variable; NAME- removes it");
    add(
        flags, "label,l", "KEY=VALUE", "LABEL",
        [](auto& c, auto& text) { edit_map(c.config.config.labels, text); },
        "set a label; KEY- removes it");
    add(
        flags, "unsetlabel", "KEY", "",
        [](auto& c, auto& text) { c.config.config.labels.erase(text); }, "remove a label");
    add(
        flags, "annotation,a", "KEY=VALUE", "",
        [](auto& c, auto& text) { edit_map(c.annotations, text); },
        "set an annotation; KEY- removes it");
    add(
        flags, "unsetannotation", "KEY", "", [](auto& c, auto& text) { c.annotations.erase(text); },
        "remove an annotation");
    add_comma_list(
        flags, "port,p", "PORT[/PROTOCOL]", "EXPOSE",
        [](auto& c, auto& text) { edit_ports(c.config.config.exposed_ports, text); },
        "expose a port; PORT- removes it");
    add_comma_list(
        flags, "volume,v", "PATH", "VOLUME",
        [](auto& c, auto& text) { edit_list(c.config.config.volumes, text); },
        "declare a volume; PATH- removes it");
    add_comma_list(
        flags, "os-feature", "NAME", "",
        [](auto& c, auto& text) { edit_list(c.config.platform.os_features, text); },
        "feature of the operating system that is needed; NAME- removes it");
    add(
        flags, "onbuild", "INSTRUCTION", "ONBUILD",
        [](auto& c, auto& text) { edit_triggers(c.config.config.on_build, text); },
        "add an instruction for builds from this image; - removes all");
  }

  void declare_commands(FlagSet& flags) {
    add(
        flags, "shell", "WORDS", "SHELL",
        [](auto& c, auto& text) { c.config.config.shell = shell_words(text); },
        "shell of later instructions");
    add(
        flags, "cmd", "JSON|WORDS", "CMD",
        [](auto& c, auto& text) { set_cmd(c.config.config, text); },
        "default command of containers: words of a shell, or a JSON array");
    add(
        flags, "entrypoint", "JSON|TEXT", "ENTRYPOINT",
        [](auto& c, auto& text) { set_entrypoint(c.config.config, text); },
        "entry point of containers: a JSON array, or text for /bin/sh -c");
  }

  static void warn_of_cmd(const WorkingContainer& container) {
    const image::RunConfig& config = container.config.config;
    if (!config.cmd || !config.entrypoint) return;
    const bool by_shell = config.entrypoint->size() == 3 && (*config.entrypoint)[1] == "-c";
    warn(fmt::format("cmd \"{}\" {}", base::join(*config.cmd, " "),
                     by_shell ? "exists but will be ignored because of entrypoint settings"
                              : "exists and will be passed to entrypoint as a parameter"));
  }

  std::vector<std::function<void(WorkingContainer&)>> edits_;
  ValuesOfInstructions values_;  // as they were given
  HealthcheckFlags healthcheck_;
  HistoryFlag add_history_;
};

}  // namespace

std::unique_ptr<Command> make_config() { return std::make_unique<Config>(); }

}  // namespace bld::cmd
