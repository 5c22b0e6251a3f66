// bld inspect
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/go_template.h"
#include "cmd/inspect_value.h"
#include "cmd/layer_report.h"
#include "cmd/listing.h"
#include "cmd/standard_streams.h"
#include "image/image_config.h"
#include "image/manifest.h"

namespace bld::cmd {

namespace {

// The name by which it was asked for, in full, or its first one.
std::string shown_name(const store::ImageRecord& image, const std::string& text) {
  for (const auto parse : {image::Reference::parse_local, image::Reference::parse}) {
    try {
      const std::string full = parse(text).with_default_tag().str();
      if (std::find(image.names.begin(), image.names.end(), full) != image.names.end()) return full;
    } catch (const base::Error&) {
      // It is an ID.
    }
  }
  return image.names.empty() ? "" : image.names.front();
}

Value container_value(store::Store& store, const builder::WorkingContainer& container) {
  std::optional<store::ImageRecord> base;
  for (store::ImageRecord& image : store.images()) {
    if (image.manifest_digest == container.record.image_manifest) base = std::move(image);
  }
  return inspect_value(store, base, base && !base->names.empty() ? base->names.front() : "",
                       {.name = container.record.name,
                        .id = container.record.id,
                        .created_by = container.created_by,
                        .annotations = container.annotations},
                       container.config);
}

class Inspect : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_text("format,f", "TEMPLATE", format_, "print through a Go template");
    flags.add_text("type,t", "TYPE", type_,
                   "image, container or manifest; without: container, then image");
    flags.add_bool("layers", layers_, "show what each layer adds, changes and hides");
    flags.add_bool("json", json_, "with --layers: as JSON");
  }

  Needs needs(Needs usual) const override { return layers_ ? Needs::kNamespaces : usual; }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 1, "container or image name must be specified");
    if (type_ != "" && type_ != "image" && type_ != "container" && type_ != "manifest") {
      throw base::Error("the only recognized types are \"container\" and \"image\"");
    }
    if (!format_.empty() && format_.find("{{") == std::string::npos) {
      throw base::Error("invalid format provided: {}", format_);
    }
    if (layers_) {
      print(layer_report(app.store(), find_image(app.store(), arguments[0]),
                         json_ ? ReportFormat::kJson : ReportFormat::kText));
      return 0;
    }
    if (type_ == "manifest") {
      const auto list = app.store().find_list(arguments[0]);
      if (!list) throw base::Error("{}: no manifest list of that name", arguments[0]);
      print(base::Json::parse(list->document).str(4) + "\n");
      return 0;
    }
    const Value value = find(app.store(), arguments[0]);
    if (format_.empty()) {
      print(json_text(value));
      return 0;
    }
    const std::string text = Template::parse(unescaped(format_)).run(value);
    print(text);
    if (is_terminal(STDOUT_FILENO) && !text.ends_with('\n')) print("\n");
    return 0;
  }

 private:
  Value find(store::Store& store, const std::string& name) const {
    if (type_ != "image") {
      if (type_ == "container" || store.find_container(name)) {
        return container_value(store, builder::get_container(store, name));
      }
    }
    const store::ImageRecord image = find_image(store, name);
    return inspect_value(store, image, shown_name(image, name), {},
                         store.read_config(image.config_digest));
  }

  // Of a manifest list, the image for this machine.
  static store::ImageRecord find_image(store::Store& store, const std::string& name) {
    const auto image = store.find_image(name);
    const auto list = image ? std::nullopt : store.find_list(name);
    if (!list) return store.get_image(name);
    const auto entry = image::Index::parse(list->document).choose(image::Platform::host());
    if (!entry) {
      throw base::Error("{}: the list has no image for {}", list->name,
                        image::Platform::host().str())
          .hint("bld manifest inspect shows what it has");
    }
    return store.get_image(store::exact_name(entry->digest));
  }

  std::string format_, type_;
  bool layers_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_inspect() { return std::make_unique<Inspect>(); }

}  // namespace bld::cmd
