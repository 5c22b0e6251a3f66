#include "cmd/inspect_value.h"

#include <algorithm>

#include "image/image_config.h"
#include "image/manifest.h"

namespace bld::cmd {

namespace {

constexpr auto kIfEmpty = Value::Omit::kIfEmpty;
constexpr auto kAlways = Value::Omit::kAlways;
constexpr auto kNullIfEmpty = Value::Omit::kNullIfEmpty;

Value time_value(const std::string& rfc3339) {
  if (rfc3339.empty()) return {};
  std::string text = rfc3339;
  std::replace(text.begin(), text.end(), 'T', ' ');
  if (text.ends_with('Z')) text.replace(text.size() - 1, 1, " +0000 UTC");
  return Value::Printed{rfc3339, text};
}

// A set as JSON holds it: keys of an object.
Value set_value(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, Value>> entries;
  for (const std::string& name : names) entries.emplace_back(name, Value::Record{});
  return Value::map(std::move(entries));
}

Value list_or_empty(const std::optional<std::vector<std::string>>& texts) {
  return Value::list(texts.value_or(std::vector<std::string>{}));
}

Value rootfs_value(const image::ImageConfig& config) {
  Value::List diff_ids;
  for (const image::DiffId& diff_id : config.diff_ids) diff_ids.emplace_back(diff_id.digest.str());
  return Value::Record{{{"Type", "type", "layers"}, {"DiffIDs", "diff_ids", diff_ids}}};
}

Value history_value(const image::ImageConfig& config) {
  Value::List list;
  for (const image::History& entry : config.history) {
    list.push_back(Value::Record{{{"Created", "created", time_value(entry.created), kIfEmpty},
                                  {"CreatedBy", "created_by", entry.created_by, kIfEmpty},
                                  {"Author", "author", entry.author, kIfEmpty},
                                  {"Comment", "comment", entry.comment, kIfEmpty},
                                  {"EmptyLayer", "empty_layer", entry.empty_layer, kIfEmpty}}});
  }
  return list;
}

Value oci_value(const image::ImageConfig& config) {
  const image::RunConfig& run = config.config;
  const Value run_value =
      Value::Record{{{"User", "", run.user, kIfEmpty},
                     {"ExposedPorts", "", set_value(run.exposed_ports), kIfEmpty},
                     {"Env", "", Value::list(run.env), kIfEmpty},
                     {"Entrypoint", "", list_or_empty(run.entrypoint), kIfEmpty},
                     {"Cmd", "", list_or_empty(run.cmd), kIfEmpty},
                     {"Volumes", "", set_value(run.volumes), kIfEmpty},
                     {"WorkingDir", "", run.working_dir, kIfEmpty},
                     {"Labels", "", Value::map(run.labels), kIfEmpty},
                     {"StopSignal", "", run.stop_signal, kIfEmpty},
                     {"ArgsEscaped", "", false, kIfEmpty}}};
  const image::Platform& platform = config.platform;
  return Value::Record{{{"Created", "created", time_value(config.created), kIfEmpty},
                        {"Author", "author", config.author, kIfEmpty},
                        {"Architecture", "architecture", platform.architecture},
                        {"Variant", "variant", platform.variant, kIfEmpty},
                        {"OS", "os", platform.os},
                        {"OSVersion", "os.version", platform.os_version, kIfEmpty},
                        {"OSFeatures", "os.features", Value::list(platform.os_features), kIfEmpty},
                        {"Config", "config", run_value},
                        {"RootFS", "rootfs", rootfs_value(config)},
                        {"History", "history", history_value(config), kIfEmpty}}};
}

Value healthcheck_value(const std::optional<image::Healthcheck>& check) {
  if (!check) return {};
  const auto time = [](std::chrono::nanoseconds value) {
    return Value(static_cast<std::int64_t>(value.count()));
  };
  return Value::Record{{{"Test", "", Value::list(check->test), kIfEmpty},
                        {"StartPeriod", "", time(check->start_period), kIfEmpty},
                        {"StartInterval", "", time(check->start_interval), kIfEmpty},
                        {"Interval", "", time(check->interval), kIfEmpty},
                        {"Timeout", "", time(check->timeout), kIfEmpty},
                        {"Retries", "", check->retries, kIfEmpty}}};
}

Value docker_config(const image::RunConfig& run) {
  return Value::Record{{{"Hostname", "", run.hostname},
                        {"Domainname", "", run.domainname},
                        {"User", "", run.user},
                        {"AttachStdin", "", false},
                        {"AttachStdout", "", false},
                        {"AttachStderr", "", false},
                        {"ExposedPorts", "", set_value(run.exposed_ports), kIfEmpty},
                        {"Tty", "", false},
                        {"OpenStdin", "", false},
                        {"StdinOnce", "", false},
                        {"Env", "", Value::list(run.env)},
                        {"Cmd", "", list_or_empty(run.cmd), kNullIfEmpty},
                        {"Healthcheck", "", healthcheck_value(run.healthcheck), kIfEmpty},
                        {"ArgsEscaped", "", false, kIfEmpty},
                        {"Image", "", ""},
                        {"Volumes", "", set_value(run.volumes), kNullIfEmpty},
                        {"WorkingDir", "", run.working_dir},
                        {"Entrypoint", "", list_or_empty(run.entrypoint), kNullIfEmpty},
                        {"NetworkDisabled", "", false, kIfEmpty},
                        {"MacAddress", "", "", kIfEmpty},
                        {"OnBuild", "", Value::list(run.on_build), kNullIfEmpty},
                        {"Labels", "", Value::map(run.labels), kNullIfEmpty},
                        {"StopSignal", "", run.stop_signal, kIfEmpty},
                        {"StopTimeout", "", Value(), kIfEmpty},
                        {"Shell", "", Value::list(run.shell), kIfEmpty}}};
}

Value docker_value(const image::ImageConfig& config) {
  const Value run = docker_config(config.config);
  return Value::Record{{{"ID", "id", "", kIfEmpty},
                        {"Parent", "parent", config.parent, kIfEmpty},
                        {"Comment", "comment", config.comment, kIfEmpty},
                        {"Created", "created", time_value(config.created)},
                        {"Container", "container", "", kIfEmpty},
                        {"ContainerConfig", "container_config", run},
                        {"DockerVersion", "docker_version", "", kIfEmpty},
                        {"Author", "author", config.author, kIfEmpty},
                        {"Config", "config", run},
                        {"Architecture", "architecture", config.platform.architecture},
                        {"Variant", "variant", config.platform.variant, kIfEmpty},
                        {"OS", "os", config.platform.os},
                        {"RootFS", "rootfs", rootfs_value(config)},
                        {"History", "history", history_value(config), kIfEmpty}}};
}

Value namespaces_value() {
  Value::List list;
  for (const std::string_view name : {"cgroup", "ipc", "mount", "network", "pid", "user", "uts"}) {
    const bool host = name == "user";
    list.push_back(Value::Record{{{"Name", "", name}, {"Host", "", host}, {"Path", "", ""}}});
  }
  return list;
}

Value id_mapping_value() {
  return Value::Record{{{"HostUIDMapping", "", true},
                        {"HostGIDMapping", "", true},
                        {"UIDMap", "", Value::List{}},
                        {"GIDMap", "", Value::List{}}}};
}

}  // namespace

Value inspect_value(store::Store& store, const std::optional<store::ImageRecord>& image,
                    const std::string& image_name, const InspectedContainer& container,
                    const image::ImageConfig& config) {
  std::string config_text, manifest_text;
  std::map<std::string, std::string> annotations = container.annotations;
  if (image) {
    config_text = store.read_config_text(image->config_digest);
    manifest_text = store.read_manifest_text(image->manifest_digest);
    if (container.id.empty()) annotations = image::Manifest::parse(manifest_text).annotations;
  }
  return Value::Record{{{"Type", "", "buildah 0.0.1"},
                        {"FromImage", "", image_name},
                        {"FromImageID", "", image ? image->id() : ""},
                        {"FromImageDigest", "", image ? image->manifest_digest.str() : ""},
                        {"GroupAdd", "", Value(), kAlways},
                        {"Config", "", config_text},
                        {"Manifest", "", manifest_text},
                        {"Container", "", container.name},
                        {"ContainerID", "", container.id},
                        {"MountPoint", "", ""},
                        {"ProcessLabel", "", ""},
                        {"MountLabel", "", ""},
                        {"ImageAnnotations", "", Value::map(annotations), kNullIfEmpty},
                        {"ImageCreatedBy", "", container.created_by},
                        {"OCIv1", "", oci_value(config)},
                        {"Docker", "", docker_value(config)},
                        {"DefaultMountsFilePath", "", ""},
                        {"Isolation", "", "rootless"},
                        {"NamespaceOptions", "", namespaces_value()},
                        {"Capabilities", "", Value()},
                        {"ConfigureNetwork", "", "NetworkDefault"},
                        {"CNIPluginPath", "", ""},
                        {"CNIConfigDir", "", ""},
                        {"IDMappingOptions", "", id_mapping_value()},
                        {"History", "", history_value(config)},
                        {"Devices", "", Value::List{}, kNullIfEmpty}}};
}

}  // namespace bld::cmd
