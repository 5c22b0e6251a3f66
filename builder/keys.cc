#include "builder/keys.h"

#include <utility>

#include "builder/step_worker.h"

namespace bld::builder {

namespace {

// Grows with whatever changes the meaning of a key, so that old records are no hits.
constexpr std::string_view kScheme = "bld-step-1";

// Fields with their lengths: no two operations have the same text.
class Form {
 public:
  Form& field(std::string_view value) {
    text_ += std::to_string(value.size());
    text_ += ':';
    text_ += value;
    return *this;
  }

  Form& number(long long value) { return field(std::to_string(value)); }

  Form& list(const std::vector<std::string>& values) {
    number(static_cast<long long>(values.size()));
    for (const std::string& value : values) field(value);
    return *this;
  }

  Form& source(const FileSource& source) {
    number(static_cast<long long>(source.index()));
    if (const auto* step = std::get_if<FromStep>(&source)) {
      number(static_cast<long long>(step->input));
    }
    return *this;  // which context it is does not matter: its files' digests are in the key
  }

  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

// What decides what the command sees. Where a context or stage is named does not: its content is
// part of the key.
void add(Form& form, const dockerfile::RunMount& mount) {
  form.number(static_cast<int>(mount.type)).field(mount.target).field(mount.source);
  form.field(mount.id).number(mount.read_only ? 1 : 0).number(static_cast<int>(mount.sharing));
  form.number(static_cast<long long>(mount.size_bytes.value_or(0)));
  for (const auto& value : {mount.mode, mount.uid, mount.gid}) {
    form.number(value ? static_cast<long long>(*value) : -1);
  }
  form.field(mount.env.value_or("")).number(mount.required ? 1 : 0);
  if (mount.chown_to_user) form.field("U");
  if (mount.copy_up) form.field("tmpcopyup");
}

struct NormalForm {
  std::string operator()(const BaseOperation& base) const {
    std::vector<std::string> layers;
    for (const auto& layer : base.layers) layers.push_back(layer.digest.str());
    return std::move(Form().field("base").list(layers)).text();
  }

  std::string operator()(const RunOperation& run) const {
    Form form;
    form.field("run").list(run.args).field(run.script).list(run.env);
    form.field(run.directory).field(run.user).number(static_cast<int>(run.network));
    if (run.insecure) form.field("insecure");
    if (!run.hostname.empty()) form.field("hostname").field(run.hostname);
    form.number(static_cast<long long>(run.mounts.size()));
    for (const MountOperation& mount : run.mounts) {
      add(form, mount.mount);
      form.source(mount.source);
    }
    return std::move(form).text();
  }

  std::string operator()(const FileOperation& file) const {
    return std::move(Form().field("copy").field(file.copy.normal_form()).source(file.source))
        .text();
  }

  std::string operator()(const WorkdirOperation& workdir) const {
    return std::move(Form().field("workdir").field(workdir.path).field(workdir.user)).text();
  }
};

std::string hash(std::string_view kind, const Step& step, const BuildRequest& request,
                 const std::vector<std::string>& below,
                 const std::vector<base::Sha256Value>& contents) {
  base::Sha256 hash;
  hash.write_field(kScheme);
  hash.write_field(kind);
  hash.write_field(normal_form(request));
  hash.write_field(normal_form(step.operation));
  hash.write_field(std::to_string(below.size()));
  for (const std::string& key : below) hash.write_field(key);
  for (const base::Sha256Value& content : contents) hash.write(content);
  return base::to_hex(hash.finish());
}

}  // namespace

std::string normal_form(const Operation& operation) { return std::visit(NormalForm(), operation); }

std::string operation_label(const Operation& operation) {
  return base::to_hex(base::Sha256::of(base::as_bytes(normal_form(operation))));
}

std::string normal_form(const BuildRequest& request) {
  Form form;
  form.number(static_cast<int>(request.file_times));
  form.number(request.file_times == FileTimes::kKeep ? 0 : request.timestamp.value_or(0));
  const NetworkFiles& files = request.commands.network_files;
  std::vector<std::string> names;  // name servers do not decide what a name means
  for (const auto& [name, address] : files.add_hosts) {
    names.push_back(fmt::format("{}:{}", name, address));
  }
  form.list(names);
  if (!files.hosts || !files.hostname || !files.resolv_conf) {
    form.number(files.hosts).number(files.hostname).number(files.resolv_conf);
  }
  return std::move(form).text();
}

std::string definition_key(const Step& step, const BuildRequest& request,
                           const std::vector<std::string>& input_keys,
                           const std::vector<base::Sha256Value>& contents) {
  return hash("definition", step, request, input_keys, contents);
}

std::string content_key(const Step& step, const BuildRequest& request,
                        const std::vector<image::DiffId>& layers,
                        const std::vector<base::Sha256Value>& contents) {
  std::vector<std::string> below;
  for (const auto& layer : layers) below.push_back(layer.digest.str());
  return hash("content", step, request, below, contents);
}

}  // namespace bld::builder
