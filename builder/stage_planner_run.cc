// RUN and its mounts.
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/config_edit.h"
#include "builder/stage_planner.h"
#include "dockerfile/expand.h"
#include "dockerfile/run_mount.h"

namespace bld::builder {

namespace {

using dockerfile::RunMount;

NetworkChoice network_choice(const std::string& word) {
  if (word == "none") return NetworkChoice::kNone;
  if (word == "host") return NetworkChoice::kHost;
  return NetworkChoice::kDefault;
}

// The command as words, or as a script of its own if a lone heredoc begins with "#!".
RunOperation run_command(const dockerfile::CommandLine& command, const image::RunConfig& config) {
  RunOperation operation;
  if (command.is_shell && command.only_heredoc) {
    const std::string script = command.heredocs.front().content();
    if (script.starts_with("#!")) {
      operation.script = script;
      return operation;
    }
    dockerfile::CommandLine body;
    body.shell_text = script;
    operation.args = command_words(body, config);
  } else if (command.is_shell) {
    dockerfile::CommandLine whole;
    whole.shell_text = command.text_with_bodies();
    operation.args = command_words(whole, config);
  } else {
    operation.args = command.exec;
  }
  return operation;
}

// As Docker and Buildah show it: ARGs in front, then the words.
std::string created_by(const RunOperation& operation, const std::vector<NameAndValue>& args) {
  std::string text;
  if (!args.empty()) {
    text = "|" + std::to_string(args.size()) + " ";
    for (const auto& [name, value] : args) text += name + "=" + value + " ";
  }
  return text + (operation.script.empty() ? base::join(operation.args, " ") : operation.script);
}

std::string default_target(const RunMount& mount, int ssh_mounts) {
  if (mount.type == RunMount::Type::kSsh) {
    return "/run/buildkit/ssh_agent." + std::to_string(ssh_mounts);
  }
  if (mount.type == RunMount::Type::kSecret && !mount.env) return "/run/secrets/" + mount.id;
  return "";
}

}  // namespace

MountOperation StagePlanner::mount(const dockerfile::Word& text, std::vector<NodeId>& inputs,
                                   int& ssh_mounts) {
  MountOperation operation;
  try {
    operation.mount = dockerfile::parse_run_mount(text.text, [&](std::string_view value) {
      return dockerfile::expand_word(value, stage_.variables.lookup(), escape_);
    });
    RunMount& mount = operation.mount;
    if (mount.target.empty()) {
      mount.target = default_target(mount, ssh_mounts);
    } else {
      mount.target = resolve_directory(config(), mount.target);
    }
    if (mount.type == RunMount::Type::kSsh) ++ssh_mounts;
    if (mount.type == RunMount::Type::kCache) {
      if (mount.id.empty()) mount.id = mount.target;
      const auto space = globals_.build_argument("BUILDKIT_CACHE_MOUNT_NS");
      if (space && !space->empty()) mount.id = *space + "/" + mount.id;
    }
    if (mount.type == RunMount::Type::kSecret && mount.id.empty()) {
      mount.id = mount.target.substr(mount.target.rfind('/') + 1);
    }
    if (!mount.from.empty()) {
      operation.source = source_of(mount.from, inputs);
    } else if (mount.type == RunMount::Type::kBind) {
      operation.source = FromContext{""};
    }
  } catch (base::Error& error) {
    error.at(place_of(text.span));
    throw;
  }
  return operation;
}

// There are no CDI devices here: a command can do without one that it does not require.
void StagePlanner::look_for_device(const dockerfile::RunDevice& device) {
  const std::string name = base::printable(device.name);
  if (!device.required) {
    draft_.warnings.push_back(
        {fmt::format("the command does without the device {}: bld has no CDI devices", name),
         place_of(device.span)});
    return;
  }
  base::Error error("the device {} is required, and bld has no CDI devices", name);
  error.hint("--device /dev/NAME of bld build shows a device of this machine to all commands");
  throw error.at(place_of(device.span));
}

void StagePlanner::run(const dockerfile::Instruction& instruction, const dockerfile::Run& run) {
  if (run.security == "insecure" && !input_.request.allow_insecure) {
    throw base::Error("RUN --security=insecure is not allowed")
        .hint("allow it with --allow security.insecure, if you trust this Containerfile");
  }
  for (const dockerfile::RunDevice& device : run.devices) look_for_device(device);
  RunOperation operation = run_command(run.command, config());
  operation.env = stage_.variables.run_environment();
  if (!find_variable(operation.env, "PATH")) operation.env.emplace_back(kDefaultPath);
  for (const std::string& entry : globals_.proxy_env()) {
    if (!find_variable(operation.env, entry.substr(0, entry.find('=')))) {
      operation.unrecorded_env.push_back(entry);
    }
  }
  for (const std::string& entry : input_.request.commands.env) {
    if (!find_variable(operation.env, entry.substr(0, entry.find('=')))) {
      operation.unrecorded_env.push_back(entry);
    }
  }
  operation.directory = config().working_dir;
  operation.user = config().user;
  operation.user_place = user_place_;
  operation.hostname = globals_.build_argument("BUILDKIT_SANDBOX_HOSTNAME").value_or("");
  operation.network = network_choice(run.network);
  operation.insecure = run.security == "insecure";
  std::vector<NodeId> inputs = {stage_.filesystem};
  int ssh_mounts = 0;
  for (const dockerfile::Word& text : run.mounts) {
    operation.mounts.push_back(mount(text, inputs, ssh_mounts));
  }
  if (input_.request.compat_volumes) {
    for (const std::string& volume : config().volumes) {
      MountOperation own;
      own.mount.type = RunMount::Type::kBind;
      own.mount.target = resolve_directory(config(), volume);
      own.mount.source = own.mount.target;
      own.mount.read_only = false;
      own.source = FromStep{0};  // what the step stands on
      operation.mounts.push_back(std::move(own));
    }
  }
  std::string history = created_by(operation, stage_.variables.args());
  add_step(instruction, std::move(operation), std::move(inputs), std::move(history));
}

}  // namespace bld::builder
