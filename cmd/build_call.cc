#include "cmd/build_call.h"

#include <map>
#include <utility>

#include "base/text.h"
#include "builder/check.h"
#include "builder/containerfile.h"
#include "builder/context.h"
#include "builder/global_arguments.h"
#include "builder/local_context.h"
#include "cmd/exit_code.h"
#include "cmd/human.h"
#include "cmd/lint_report.h"
#include "cmd/options.h"
#include "cmd/standard_streams.h"
#include "dockerfile/outline.h"
#include "dockerfile/parser.h"

namespace bld::cmd {

namespace {

using base::Json;
using dockerfile::SourceText;

void add_text(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json.add(key, base::printable(text));
}

// How a stage is called in a table: unnamed ones can be built by number.
std::string shown_name(const dockerfile::Target& target, std::size_t index) {
  const std::string name = target.name.empty() ? std::to_string(index) : target.name;
  return target.is_default ? name + " (default)" : name;
}

std::string targets_text(const std::vector<dockerfile::Target>& targets) {
  std::vector<std::vector<std::string>> rows = {{"TARGET", "BASE", "DESCRIPTION"}};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    rows.push_back({shown_name(targets[i], i), base::printable(targets[i].base),
                    base::printable(targets[i].description)});
  }
  return table_text(rows);
}

std::string targets_json(const SourceText& source, const std::vector<dockerfile::Target>& targets) {
  Json list = Json::array();
  for (const dockerfile::Target& target : targets) {
    Json json = Json::object();
    add_text(json, "name", target.name);
    if (target.is_default) json.add("default", true);
    add_text(json, "description", target.description);
    add_text(json, "base", target.base);
    add_text(json, "platform", target.platform);
    json.add("location", location_json(source, target.span));
    list.push(std::move(json));
  }
  Json json = Json::object();
  json.add("targets", std::move(list));
  return json.str(2) + "\n";
}

using Mounts = std::vector<dockerfile::OutlineMount>;

std::string mounts_text(const char* title, const Mounts& mounts) {
  if (mounts.empty()) return {};
  std::vector<std::vector<std::string>> rows = {{title, "REQUIRED"}};
  for (const auto& mount : mounts) {
    rows.push_back({base::printable(mount.id), mount.required ? "true" : ""});
  }
  return "\n" + table_text(rows);
}

std::string outline_text(const dockerfile::Outline& outline) {
  std::string text = "TARGET: " + (outline.name.empty() ? "(default)" : outline.name) + "\n";
  if (!outline.description.empty()) {
    text += "DESCRIPTION: " + base::printable(outline.description) + "\n";
  }
  if (!outline.arguments.empty()) {
    std::vector<std::vector<std::string>> rows = {{"BUILD ARG", "VALUE", "DESCRIPTION"}};
    for (const auto& argument : outline.arguments) {
      rows.push_back({base::printable(argument.name), base::printable(argument.value),
                      base::printable(argument.description)});
    }
    text += "\n" + table_text(rows);
  }
  text += mounts_text("SECRET", outline.secrets) + mounts_text("SSH", outline.ssh);
  if (outline.caches.empty()) return text;
  std::vector<std::vector<std::string>> rows = {{"CACHE"}};
  for (const auto& cache : outline.caches) rows.push_back({base::printable(cache.id)});
  return text + "\n" + table_text(rows);
}

void add_mounts(Json& json, const SourceText& source, const char* key, const char* id,
                const Mounts& mounts) {
  if (mounts.empty()) return;
  Json list = Json::array();
  for (const auto& mount : mounts) {
    Json entry = Json::object();
    entry.add(id, base::printable(mount.id));
    if (mount.required) entry.add("required", true);
    entry.add("location", location_json(source, mount.span));
    list.push(std::move(entry));
  }
  json.add(key, std::move(list));
}

std::string outline_json(const SourceText& source, const dockerfile::Outline& outline) {
  Json json = Json::object();
  add_text(json, "name", outline.name);
  add_text(json, "description", outline.description);
  if (!outline.arguments.empty()) {
    Json list = Json::array();
    for (const auto& argument : outline.arguments) {
      Json entry = Json::object();
      entry.add("name", base::printable(argument.name));
      add_text(entry, "description", argument.description);
      add_text(entry, "value", argument.value);
      entry.add("location", location_json(source, argument.span));
      list.push(std::move(entry));
    }
    json.add("args", std::move(list));
  }
  add_mounts(json, source, "secrets", "name", outline.secrets);
  add_mounts(json, source, "ssh", "name", outline.ssh);
  add_mounts(json, source, "cache", "id", outline.caches);
  return json.str(2) + "\n";
}

dockerfile::Outline outline_for(const dockerfile::Containerfile& file,
                                const builder::BuildRequest& request) {
  std::map<std::string, std::string> arguments;
  for (const builder::BuildArgument& argument : request.build_args) {
    const auto value =
        argument.value ? argument.value : environment_variable(argument.name.c_str());
    if (value) arguments[argument.name] = *value;
  }
  const image::Platform host = image::Platform::host();
  return dockerfile::outline_of(
      file, request.target, arguments,
      builder::predefined_arguments(host, request.platform.value_or(host), request.target));
}

struct Source {
  builder::LocalContext context;
  builder::Containerfile file;
};

Source read_source(const builder::BuildRequest& request, App& app) {
  builder::LocalContext context = builder::bring_context(
      request.context, builder::context_options(request), app.store(), app.stop_token());
  builder::Containerfile file =
      builder::read_containerfiles(request, context, app.store(), app.stop_token());
  return {std::move(context), std::move(file)};
}

int answer_check(const CheckFlags& flags, const builder::BuildRequest& request, App& app) {
  Source read = read_source(request, app);
  const builder::Context context = builder::open_context(request, read.context, read.file);
  builder::CheckedText checked = builder::check_text(
      std::move(read.file.source), request, {.ignore = &context.ignore(), .store = &app.store()});
  std::vector<LintedFile> files;
  files.push_back(
      {std::move(checked.source), std::move(checked.report.findings), std::move(checked.error)});
  if (flags.json) {
    print(lint_json(files));
    if (files.front().error) return kOwnError;
  } else {
    if (files.front().error) throw *files.front().error;
    print(lint_text(files));
  }
  return files.front().findings.empty() ? kSuccess : kFindings;
}

}  // namespace

int answer_call(const CheckFlags& flags, const builder::BuildRequest& request, App& app) {
  if (flags.call == BuildCall::kCheck) return answer_check(flags, request, app);
  const Source read = read_source(request, app);
  const dockerfile::SourceText& source = read.file.source;
  const dockerfile::Containerfile file = dockerfile::parse(source);
  if (flags.call == BuildCall::kTargets) {
    const auto targets = dockerfile::targets_of(file);
    print(flags.json ? targets_json(source, targets) : targets_text(targets));
  } else {
    const dockerfile::Outline outline = outline_for(file, request);
    print(flags.json ? outline_json(source, outline) : outline_text(outline));
  }
  return kSuccess;
}

}  // namespace bld::cmd
