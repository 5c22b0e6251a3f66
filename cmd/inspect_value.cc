#include "cmd/inspect_value.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "image/image_config.h"
#include "image/manifest.h"

namespace bld::cmd {

namespace {

constexpr auto kIfEmpty = Value::Omit::kIfEmpty;
constexpr auto kAlways = Value::Omit::kAlways;
constexpr auto kNullIfEmpty = Value::Omit::kNullIfEmpty;

using Fields = std::vector<Value::Field>;

Value record(std::string type, Fields fields) {
  return Value::Record{.fields = std::move(fields), .type = std::move(type)};
}

Value pointer(std::string type, Fields fields) {
  return Value::Record{.fields = std::move(fields), .type = std::move(type), .is_pointer = true};
}

// "1970-01-01T00:00:00Z" as Go prints times.
Value::Printed printed_time(const std::string& rfc3339) {
  std::string text = rfc3339;
  std::replace(text.begin(), text.end(), 'T', ' ');
  if (text.ends_with('Z')) text.replace(text.size() - 1, 1, " +0000 UTC");
  return {rfc3339, text};
}

Value time_or_nil(const std::string& rfc3339) {
  if (rfc3339.empty()) return Value::NilPointer{"*time.Time"};
  return printed_time(rfc3339);
}

Value time_or_zero(const std::string& rfc3339) {
  return printed_time(rfc3339.empty() ? "0001-01-01T00:00:00Z" : rfc3339);
}

// A set as JSON holds it: keys of an object.
Value set_value(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, Value>> entries;
  for (const std::string& name : names) entries.emplace_back(name, record("struct {}", {}));
  return Value::map(std::move(entries));
}

Value list_or_empty(const std::optional<std::vector<std::string>>& texts) {
  return Value::list(texts.value_or(std::vector<std::string>{}));
}

Fields rootfs_fields(const image::ImageConfig& config) {
  Value::List diff_ids;
  for (const image::DiffId& diff_id : config.diff_ids) diff_ids.emplace_back(diff_id.digest.str());
  return {{"Type", "type", "layers"}, {"DiffIDs", "diff_ids", std::move(diff_ids)}};
}

Value oci_history(const image::ImageConfig& config) {
  Value::List list;
  for (const image::History& entry : config.history) {
    list.push_back(
        record("v1.History", {{"Created", "created", time_or_nil(entry.created), kIfEmpty},
                              {"CreatedBy", "created_by", entry.created_by, kIfEmpty},
                              {"Author", "author", entry.author, kIfEmpty},
                              {"Comment", "comment", entry.comment, kIfEmpty},
                              {"EmptyLayer", "empty_layer", entry.empty_layer, kIfEmpty}}));
  }
  return list;
}

Value docker_history(const image::ImageConfig& config) {
  Value::List list;
  for (const image::History& entry : config.history) {
    list.push_back(
        record("docker.V2S2History", {{"Created", "created", time_or_zero(entry.created)},
                                      {"Author", "author", entry.author, kIfEmpty},
                                      {"CreatedBy", "created_by", entry.created_by, kIfEmpty},
                                      {"Comment", "comment", entry.comment, kIfEmpty},
                                      {"EmptyLayer", "empty_layer", entry.empty_layer, kIfEmpty}}));
  }
  return list;
}

Value oci_value(const image::ImageConfig& config) {
  const image::RunConfig& run = config.config;
  const Value run_value =
      record("v1.ImageConfig", {{"User", "", run.user, kIfEmpty},
                                {"ExposedPorts", "", set_value(run.exposed_ports), kIfEmpty},
                                {"Env", "", Value::list(run.env), kIfEmpty},
                                {"Entrypoint", "", list_or_empty(run.entrypoint), kIfEmpty},
                                {"Cmd", "", list_or_empty(run.cmd), kIfEmpty},
                                {"Volumes", "", set_value(run.volumes), kIfEmpty},
                                {"WorkingDir", "", run.working_dir, kIfEmpty},
                                {"Labels", "", Value::map(run.labels), kIfEmpty},
                                {"StopSignal", "", run.stop_signal, kIfEmpty},
                                {"ArgsEscaped", "", false, kIfEmpty}});
  const image::Platform& platform = config.platform;
  return record("v1.Image",
                {{"Created", "created", time_or_nil(config.created), kIfEmpty},
                 {"Author", "author", config.author, kIfEmpty},
                 {"Architecture", "architecture", platform.architecture},
                 {"Variant", "variant", platform.variant, kIfEmpty},
                 {"OS", "os", platform.os},
                 {"OSVersion", "os.version", platform.os_version, kIfEmpty},
                 {"OSFeatures", "os.features", Value::list(platform.os_features), kIfEmpty},
                 {"Config", "config", run_value},
                 {"RootFS", "rootfs", record("v1.RootFS", rootfs_fields(config))},
                 {"History", "history", oci_history(config), kIfEmpty}});
}

Value healthcheck_value(const std::optional<image::Healthcheck>& check) {
  if (!check) return Value::NilPointer{"*docker.HealthConfig"};
  const auto time = [](std::chrono::nanoseconds value) {
    return Value(Value::Duration{value.count()});
  };
  return pointer("docker.HealthConfig",
                 {{"Test", "", Value::list(check->test), kIfEmpty},
                  {"Interval", "", time(check->interval), kIfEmpty},
                  {"Timeout", "", time(check->timeout), kIfEmpty},
                  {"StartPeriod", "", time(check->start_period), kIfEmpty},
                  {"StartInterval", "", time(check->start_interval), kIfEmpty},
                  {"Retries", "", check->retries, kIfEmpty}});
}

Fields docker_config(const image::RunConfig& run) {
  return {{"Hostname", "", run.hostname},
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
          {"StopTimeout", "", Value::NilPointer{"*int"}, kIfEmpty},
          {"Shell", "", Value::list(run.shell), kIfEmpty}};
}

Value docker_value(const image::ImageConfig& config) {
  const Fields run = docker_config(config.config);
  const image::Platform& platform = config.platform;
  Value first = record("docker.V1Image",
                       {{"ID", "id", "", kIfEmpty},
                        {"Parent", "parent", "", kAlways},
                        {"Comment", "comment", config.comment, kIfEmpty},
                        {"Created", "created", time_or_zero(config.created)},
                        {"Container", "container", "", kIfEmpty},
                        {"ContainerConfig", "container_config", record("docker.Config", run)},
                        {"DockerVersion", "docker_version", "", kIfEmpty},
                        {"Author", "author", config.author, kIfEmpty},
                        {"Config", "config", pointer("docker.Config", run)},
                        {"Architecture", "architecture", platform.architecture},
                        {"Variant", "variant", platform.variant, kIfEmpty},
                        {"OS", "os", platform.os},
                        {"Size", "", 0, kIfEmpty}});
  Value::Field embedded{"V1Image", "", std::move(first)};
  embedded.is_embedded = true;
  return record("docker.V2Image",
                {std::move(embedded),
                 {"Parent", "parent", config.parent, kIfEmpty},
                 {"RootFS", "rootfs", pointer("docker.V2S2RootFS", rootfs_fields(config))},
                 {"History", "history", docker_history(config), kIfEmpty},
                 {"OSVersion", "os.version", platform.os_version, kIfEmpty},
                 {"OSFeatures", "os.features", Value::list(platform.os_features), kIfEmpty}});
}

Value namespaces_value(const RunFacts& facts) {
  const std::pair<const char*, bool> shared[] = {
      {"cgroup", facts.shared.cgroup},
      {"ipc", facts.shared.ipc},
      {"mount", false},
      {"network", facts.network == builder::NetworkChoice::kHost},
      {"pid", false},
      {"user", true},
      {"uts", facts.shared.uts}};
  Value::List list;
  for (const auto& [name, is_host] : shared) {
    list.push_back(record("define.NamespaceOption",
                          {{"Name", "", name}, {"Host", "", is_host}, {"Path", "", ""}}));
  }
  return list;
}

const char* network_name(builder::NetworkChoice network) {
  if (network == builder::NetworkChoice::kHost) return "NetworkEnabled";
  return network == builder::NetworkChoice::kNone ? "NetworkDisabled" : "NetworkDefault";
}

Value id_mapping_value() {
  const auto nothing = [](const char* name, Value::Omit omit) {
    return Value::Field{name, "", Value::List{}, omit};
  };
  Value automatic =
      record("types.AutoUserNsOptions", {{"Size", "", 0},
                                         {"InitialSize", "", 0},
                                         {"PasswdFile", "", ""},
                                         {"GroupFile", "", ""},
                                         nothing("AdditionalUIDMappings", kNullIfEmpty),
                                         nothing("AdditionalGIDMappings", kNullIfEmpty)});
  return record("define.IDMappingOptions", {{"HostUIDMapping", "", true},
                                            {"HostGIDMapping", "", true},
                                            nothing("UIDMap", Value::Omit::kNever),
                                            nothing("GIDMap", Value::Omit::kNever),
                                            {"AutoUserNs", "", false},
                                            {"AutoUserNsOpts", "", std::move(automatic)}});
}

// The image of the object: that itself, or that which a container was made from.
struct FromImage {
  std::string name, id, digest;
  std::string config, manifest;  // as they are stored; empty where they are gone
};

// A container's part, which is empty of an image.
struct Container {
  std::string name, id, created_by, mount_point;
  std::map<std::string, std::string> annotations;
};

Value builder_info(const FromImage& image, const Container& container, const RunFacts& facts,
                   const image::ImageConfig& config) {
  const bool is_container = !container.id.empty();
  return record("buildah.BuilderInfo",
                {{"Type", "", "buildah 0.0.1"},
                 {"FromImage", "", image.name},
                 {"FromImageID", "", image.id},
                 {"FromImageDigest", "", image.digest},
                 {"GroupAdd", "", Value::list(facts.group_add), kNullIfEmpty},
                 {"Config", "", image.config},
                 {"Manifest", "", image.manifest},
                 {"Container", "", container.name},
                 {"ContainerID", "", container.id},
                 {"MountPoint", "", container.mount_point},
                 {"ProcessLabel", "", ""},
                 {"MountLabel", "", ""},
                 {"ImageAnnotations", "", Value::map(container.annotations), kNullIfEmpty},
                 {"ImageCreatedBy", "", container.created_by},
                 {"OCIv1", "", oci_value(config)},
                 {"Docker", "", docker_value(config)},
                 {"DefaultMountsFilePath", "", ""},
                 {"Isolation", "", is_container ? facts.isolation : "oci"},
                 {"NamespaceOptions", "", namespaces_value(facts)},
                 {"Capabilities", "", Value::list(facts.capabilities), kNullIfEmpty},
                 {"ConfigureNetwork", "", network_name(facts.network)},
                 {"CNIPluginPath", "", ""},
                 {"CNIConfigDir", "", ""},
                 {"IDMappingOptions", "", id_mapping_value()},
                 {"History", "", oci_history(config), kNullIfEmpty},
                 {"Devices", "", Value::List{}, is_container ? Value::Omit::kNever : kNullIfEmpty},
                 {"NetworkInterface", "", Value::NilPointer{"types.ContainerNetwork"}, kAlways},
                 {"CDIConfigDir", "", ""}});
}

FromImage from_image(store::Store& store, const store::ImageRecord& image) {
  return {.name = {},
          .id = image.id(),
          .digest = image.manifest_digest.str(),
          .config = store.read_config_text(image.config_digest),
          .manifest = store.read_manifest_text(image.manifest_digest)};
}

}  // namespace

Value inspect_value(store::Store& store, const store::ImageRecord& image, const std::string& name) {
  FromImage from = from_image(store, image);
  from.name = name;
  Container nothing;
  nothing.annotations = image::Manifest::parse(from.manifest).annotations;
  return builder_info(from, nothing, {}, store.read_config(image.config_digest));
}

Value inspect_value(store::Store& store, const builder::WorkingContainer& container,
                    const RunFacts& facts, const std::string& mount_point) {
  FromImage from;
  if (container.record.image_manifest) {
    const store::ImageRecord* base = nullptr;
    const auto images = store.images();
    for (const store::ImageRecord& image : images) {
      if (image.manifest_digest == *container.record.image_manifest) base = &image;
    }
    if (base != nullptr) from = from_image(store, *base);
    from.name = container.image_name;
    from.id = container.image_id;
    from.digest = container.record.image_manifest->str();
  }
  return builder_info(from,
                      {.name = container.record.name,
                       .id = container.record.id,
                       .created_by = container.created_by,
                       .mount_point = mount_point,
                       .annotations = container.annotations},
                      facts, container.config);
}

}  // namespace bld::cmd
