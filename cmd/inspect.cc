// bld inspect
#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "builder/mount_container.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
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
  return inspect_value(store, container, facts_of(container.run_flags),
                       builder::mount_point_of(container, store));
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
    print_by_format(format_, find(app.store(), arguments[0]));
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
    return inspect_value(store, image, shown_name(image, name));
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
