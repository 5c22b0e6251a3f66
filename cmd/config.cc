// bld config
#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/text.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/history_flag.h"
#include "cmd/options.h"
#include "cmd/render_error.h"
#include "cmd/shell_words.h"
#include "cmd/standard_streams.h"
#include "dockerfile/json_words.h"
#include "dockerfile/parser.h"
#include "dockerfile/values.h"

namespace bld::cmd {

namespace {

using base::Error;
using builder::WorkingContainer;

// "NAME-" in the place of NAME=VALUE: what is to be removed.
std::optional<std::string> removed_name(const std::string& text) {
  if (!text.ends_with('-') || text.find('=') != std::string::npos) return std::nullopt;
  return text.substr(0, text.size() - 1);
}

// "-" empties the list, "VALUE-" removes one, everything else is added once.
void edit_list(std::vector<std::string>& list, const std::string& text) {
  if (text == "-") {
    list.clear();
  } else if (text.ends_with('-')) {
    std::erase(list, text.substr(0, text.size() - 1));
  } else if (std::find(list.begin(), list.end(), text) == list.end()) {
    list.insert(std::lower_bound(list.begin(), list.end(), text), text);
  }
}

void edit_map(std::map<std::string, std::string>& map, const std::string& text) {
  if (text == "-") {
    map.clear();
  } else if (const auto removed = removed_name(text)) {
    map.erase(*removed);
  } else {
    const KeyAndValue pair = parse_key_value(text);
    map[pair.key] = pair.value.value_or("");
  }
}

void edit_env(std::vector<std::string>& env, const std::string& text) {
  if (text == "-") {
    env.clear();
    return;
  }
  const auto removed = removed_name(text);
  KeyAndValue variable = removed ? KeyAndValue{*removed, std::nullopt} : parse_key_value(text);
  const auto ours = variable.value ? std::nullopt : environment_variable(variable.key.c_str());
  if (!removed && !variable.value && !ours) {
    throw Error("setting env \"{}\": no value given", variable.key);
  }
  const auto known = std::find_if(env.begin(), env.end(), [&](const std::string& entry) {
    return entry.starts_with(variable.key + "=");
  });
  if (removed) {
    if (known != env.end()) env.erase(known);
    return;
  }
  const std::string entry = variable.key + "=" + (variable.value ? *variable.value : *ours);
  if (known != env.end()) {
    *known = entry;
  } else {
    env.push_back(entry);
  }
}

// "80", "80/tcp", "53/UDP"; kept as written, as Buildah keeps it.
void edit_ports(std::vector<std::string>& ports, const std::string& text) {
  if (!text.ends_with('-')) dockerfile::exposed_ports(text);
  edit_list(ports, text);
}

std::optional<std::vector<std::string>> none_if_empty(std::vector<std::string> words) {
  if (words.empty()) return std::nullopt;
  return words;
}

void set_entrypoint(image::RunConfig& config, const std::string& text) {
  if (const auto words = dockerfile::parse_json_words(text)) {
    config.entrypoint = none_if_empty(*words);
  } else if (text.empty()) {
    config.entrypoint.reset();
  } else {
    config.entrypoint = {"/bin/sh", "-c", text};
  }
}

image::Healthcheck& healthcheck_of(WorkingContainer& container) {
  auto& healthcheck = container.config.config.healthcheck;
  if (!healthcheck) healthcheck.emplace();
  return *healthcheck;
}

void set_healthcheck(WorkingContainer& container, const std::string& text) {
  const std::size_t blank = text.find_first_of(" \t");
  const std::string kind = text.substr(0, blank);
  const std::string rest =
      blank == std::string::npos ? "" : std::string(base::trim(text.substr(blank)));
  if (text.empty()) {
    container.config.config.healthcheck.reset();
  } else if (kind == "NONE" && rest.empty()) {
    healthcheck_of(container).test = {"NONE"};
  } else if (kind == "CMD-SHELL" && !rest.empty()) {
    healthcheck_of(container).test = {"CMD-SHELL", rest};
  } else if (kind == "CMD" && !rest.empty()) {
    const auto json = dockerfile::parse_json_words(rest);
    std::vector<std::string> test = json ? *json : shell_words(rest);
    test.insert(test.begin(), "CMD");
    healthcheck_of(container).test = std::move(test);
  } else {
    throw Error("a health check is \"CMD COMMAND\", \"CMD-SHELL TEXT\" or \"NONE\", not \"{}\"",
                text);
  }
}

class Config : public Command {
 public:
  void declare(FlagSet& flags) override {
    declare_texts(flags);
    declare_lists(flags);
    declare_commands(flags);
    declare_healthcheck(flags);
    add_history_.declare(flags);
  }

  int run(App& app, const FlagSet& flags, const std::vector<std::string>& arguments) override {
    refuse_flags_after_first(arguments);
    expect_arguments(arguments, 1, 1, "container ID must be specified");
    builder::edit_container(app.store(), arguments[0], [&](WorkingContainer& container) {
      for (const auto& edit : edits_) edit(container);
      if (add_history_.wanted()) {
        for (const std::string& words : history_) {
          container.history.push_back("/bin/sh -c #(nop) " + words);
        }
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
        [this, instruction = std::move(instruction), edit = std::move(edit),
         flag = "--" + std::string(names.substr(0, names.find(',')))](std::string text) {
          if (!instruction.empty()) history_.push_back(instruction + " " + text);
          edits_.push_back([edit, flag, text = std::move(text)](WorkingContainer& container) {
            try {
              edit(container, text);
            } catch (Error& error) {
              error.add_context(flag);
              throw;
            }
          });
        },
        std::move(help));
  }

  void declare_texts(FlagSet& flags) {
    add(
        flags, "author", "TEXT", "", [](auto& c, auto& text) { c.config.author = text; },
        "author of the image");
    add(
        flags, "comment", "TEXT", "", [](auto& c, auto& text) { c.config.comment = text; },
        "comment of the image");
    add(
        flags, "created-by", "TEXT", "", [](auto& c, auto& text) { c.created_by = text; },
        "what the history says made the next layer");
    add(
        flags, "history-comment", "TEXT", "", [](auto& c, auto& text) { c.history_comment = text; },
        "comment of that entry");
    add(
        flags, "hostname", "NAME", "", [](auto& c, auto& text) { c.config.config.hostname = text; },
        "host name of containers");
    add(
        flags, "domainname", "NAME", "",
        [](auto& c, auto& text) { c.config.config.domainname = text; },
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
    add(
        flags, "port,p", "PORT[/PROTOCOL]", "EXPOSE",
        [](auto& c, auto& text) { edit_ports(c.config.config.exposed_ports, text); },
        "expose a port; PORT- removes it");
    add(
        flags, "volume,v", "PATH", "VOLUME",
        [](auto& c, auto& text) { edit_list(c.config.config.volumes, text); },
        "declare a volume; PATH- removes it");
    add(
        flags, "os-feature", "NAME", "",
        [](auto& c, auto& text) { edit_list(c.config.platform.os_features, text); },
        "feature of the operating system that is needed; NAME- removes it");
    add(
        flags, "onbuild", "INSTRUCTION", "ONBUILD",
        [](auto& c, auto& text) {
          if (text != "-") dockerfile::parse_onbuild_trigger(text);
          auto& triggers = c.config.config.on_build;
          text == "-" ? triggers.clear() : triggers.push_back(text);
        },
        "add an instruction for builds from this image; - removes all");
  }

  void declare_commands(FlagSet& flags) {
    add(
        flags, "shell", "WORDS", "SHELL",
        [](auto& c, auto& text) { c.config.config.shell = shell_words(text); },
        "shell of later instructions");
    add(
        flags, "cmd", "JSON|WORDS", "CMD",
        [](auto& c, auto& text) {
          const auto words = dockerfile::parse_json_words(text);
          c.config.config.cmd = none_if_empty(words ? *words : shell_words(text));
        },
        "default command of containers: words of a shell, or a JSON array");
    add(
        flags, "entrypoint", "JSON|TEXT", "ENTRYPOINT",
        [](auto& c, auto& text) { set_entrypoint(c.config.config, text); },
        "entry point of containers: a JSON array, or text for /bin/sh -c");
  }

  void declare_healthcheck(FlagSet& flags) {
    add(flags, "healthcheck", "TEXT", "HEALTHCHECK", set_healthcheck,
        "health check of containers: CMD …, CMD-SHELL … or NONE");
    using Duration = std::chrono::nanoseconds image::Healthcheck::*;
    const std::pair<const char*, Duration> durations[] = {
        {"interval", &image::Healthcheck::interval},
        {"timeout", &image::Healthcheck::timeout},
        {"start-period", &image::Healthcheck::start_period},
        {"start-interval", &image::Healthcheck::start_interval}};
    for (const auto& [name, member] : durations) {
      flags.add(
          fmt::format("healthcheck-{}", name), "DURATION",
          [this, member = member](const std::string& text) {
            const std::chrono::nanoseconds value(dockerfile::parse_duration_ns(text));
            edits_.push_back([=](WorkingContainer& c) { healthcheck_of(c).*member = value; });
          },
          fmt::format("{} of the health check", name));
    }
    flags.add(
        "healthcheck-retries", "N",
        [this](const std::string& text) {
          const auto number = base::parse_unsigned(text);
          if (!number || *number > 1'000'000) throw Error("\"{}\" is no number of retries", text);
          const int retries = static_cast<int>(*number);
          edits_.push_back([=](WorkingContainer& c) { healthcheck_of(c).retries = retries; });
        },
        "failures after which a container is unhealthy");
  }

  static void warn_of_cmd(const WorkingContainer& container) {
    const image::RunConfig& config = container.config.config;
    if (!config.cmd || !config.entrypoint) return;
    const bool by_shell = config.entrypoint->size() == 3 && (*config.entrypoint)[1] == "-c";
    print_error(render_warning(
        {fmt::format("cmd \"{}\" {}", base::join(*config.cmd, " "),
                     by_shell ? "exists but will be ignored because of entrypoint settings"
                              : "exists and will be passed to entrypoint as a parameter"),
         std::nullopt}));
  }

  std::vector<std::function<void(WorkingContainer&)>> edits_;
  std::vector<std::string> history_;
  HistoryFlag add_history_;
};

}  // namespace

std::unique_ptr<Command> make_config() { return std::make_unique<Config>(); }

}  // namespace bld::cmd
