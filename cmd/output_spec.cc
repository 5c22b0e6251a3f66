#include "cmd/output_spec.h"

#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/options.h"
#include "dockerfile/csv.h"

namespace bld::cmd {

using base::Error;
using builder::Output;
using builder::OutputKind;

namespace {

constexpr std::string_view kTypes = "local, tar, oci, docker, image or registry";

// The fields of one output; each is taken out by who understands it.
class Fields {
 public:
  explicit Fields(const std::string& text) {
    for (const std::string& part : dockerfile::split_csv(text)) {
      KeyAndValue field = parse_key_value(part);
      if (!field.value) throw Error("\"{}\" is no KEY=VALUE", part);
      if (!values_.emplace(field.key, *field.value).second) {
        throw Error("\"{}\" is given twice", field.key);
      }
    }
  }

  std::string take(const std::string& key, std::string otherwise = "") {
    const auto found = values_.find(key);
    if (found == values_.end()) return otherwise;
    std::string value = std::move(found->second);
    values_.erase(found);
    return value;
  }

  bool take_bool(const std::string& key, bool otherwise) {
    return parse_bool(take(key, otherwise ? "true" : "false"));
  }

  std::vector<std::pair<std::string, std::string>> take_annotations() {
    constexpr std::string_view kPrefix = "annotation.";
    std::vector<std::pair<std::string, std::string>> annotations;
    for (auto field = values_.begin(); field != values_.end();) {
      if (field->first.starts_with(kPrefix) && field->first.size() > kPrefix.size()) {
        annotations.emplace_back(field->first.substr(kPrefix.size()), std::move(field->second));
        field = values_.erase(field);
      } else {
        ++field;
      }
    }
    return annotations;
  }

  // What is left was understood by nobody.
  void finish(std::string_view type) const {
    if (values_.empty()) return;
    throw Error("type={} has no \"{}\"", type, values_.begin()->first);
  }

 private:
  std::map<std::string, std::string> values_;
};

// Only a text whose first field is one of these is no plain path.
bool has_fields(const std::string& text) {
  const std::string first = text.substr(text.starts_with('"') ? 1 : 0);
  const std::string key = first.substr(0, first.find('='));
  return key.size() < first.size() &&
         (key == "type" || key == "dest" || key == "name" || key == "push" || key == "tar");
}

void take_destination(Fields& fields, Output& output, std::string_view type) {
  const std::string text = fields.take("dest");
  if (text.empty()) {
    Error error("type={} needs a destination", type);
    error.hint(fmt::format("type={},dest=PATH", type));
    throw error;
  }
  const bool is_file =
      output.kind != OutputKind::kDirectory && output.kind != OutputKind::kOciLayout;
  if (text == "-" && !is_file) throw Error("a directory cannot be written to standard output");
  if (text != "-") output.destination = std::filesystem::absolute(text).lexically_normal();
}

void take_compression(Fields& fields, Output& output) {
  const std::string name = fields.take("compression", "gzip");
  if (name == "gzip") {
    output.compression = layers::Compression::kGzip;
  } else if (name == "zstd") {
    output.compression = layers::Compression::kZstd;
  } else if (name == "uncompressed") {
    output.compression = layers::Compression::kNone;
  } else {
    throw Error("unknown compression \"{}\": must be gzip, zstd or uncompressed", name);
  }
  const auto level = base::parse_unsigned(fields.take("compression-level", "0"));
  if (!level || *level > 22) throw Error("compression-level must be a number up to 22");
  output.compression_level = static_cast<int>(*level);
  output.force_compression = fields.take_bool("force-compression", false);
}

void take_names(Fields& fields, Output& output) {
  const std::string text = fields.take("name");
  if (text.empty()) return;
  output.names.push_back(image::Reference::parse_local(text).with_default_tag());
}

OutputSpec plain(const std::string& text) {
  OutputSpec spec;
  if (text.empty()) throw Error("a destination is missing");
  if (text == "-") {
    spec.output.kind = OutputKind::kTar;
  } else {
    spec.output.destination = std::filesystem::absolute(text).lexically_normal();
  }
  return spec;
}

void take_image(Fields& fields, OutputSpec& spec, bool is_registry) {
  spec.output.kind = OutputKind::kRegistry;
  take_names(fields, spec.output);
  spec.leaves_store = fields.take_bool("push", is_registry);
  if (spec.leaves_store) take_compression(fields, spec.output);
}

}  // namespace

OutputSpec parse_output(const std::string& text) {
  if (!has_fields(text)) return plain(text);
  Fields fields(text);
  const std::string type = fields.take("type");
  OutputSpec spec;
  Output& output = spec.output;
  if (type == "local") {
    output.kind = OutputKind::kDirectory;
    take_destination(fields, output, type);
  } else if (type == "tar") {
    output.kind = OutputKind::kTar;
    take_destination(fields, output, type);
  } else if (type == "oci") {
    output.kind = fields.take_bool("tar", true) ? OutputKind::kOciArchive : OutputKind::kOciLayout;
    take_destination(fields, output, type);
    take_names(fields, output);
    take_compression(fields, output);
  } else if (type == "docker") {
    output.kind = OutputKind::kDockerArchive;
    take_destination(fields, output, type);
    take_names(fields, output);
  } else if (type == "image" || type == "registry") {
    take_image(fields, spec, type == "registry");
  } else if (type.empty()) {
    throw Error("type= is missing: it is {}", kTypes);
  } else {
    throw Error("unknown type \"{}\": must be {}", type, kTypes);
  }
  if (type != "local" && type != "tar") {
    spec.rewrite_timestamp = fields.take_bool("rewrite-timestamp", false);
    if (type != "docker") spec.annotations = fields.take_annotations();
  }
  fields.finish(type);
  return spec;
}

}  // namespace bld::cmd
