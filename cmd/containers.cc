// bld containers
#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/listing.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

struct Row {
  std::string id, image_id, image_name, name;
};

class Containers : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all,a", all_, "also containers of other tools; bld has none");
    flags.add_list("filter,f", "KEY=VALUE", filters_, "only: id, name, ancestor");
    flags.add_text("format", "TEMPLATE", format_, "print each through a Go template");
    flags.add_bool("json", json_, "print JSON");
    flags.add_bool("noheading,n", no_heading_, "leave the header out");
    flags.add_bool("notruncate,no-trunc", whole_, "show whole IDs");
    flags.add_bool("quiet,q", quiet_, "show only IDs");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 0, 0, "");
    const std::vector<Row> rows = filtered(read(app.store()));
    if (json_) {
      print_json(rows);
    } else if (quiet_) {
      std::string text;
      for (const Row& row : rows) text += row.id + "\n";
      print(text);
    } else if (!format_.empty()) {
      print_by_template(rows);
    } else {
      print_table(rows);
    }
    return 0;
  }

 private:
  static std::vector<Row> read(store::Store& store) {
    std::map<image::Digest, store::ImageRecord> images;
    for (store::ImageRecord& image : store.images()) {
      const image::Digest manifest = image.manifest_digest;
      images.emplace(manifest, std::move(image));
    }
    std::vector<Row> rows;
    for (const store::Container& container : store.containers()) {
      Row row{container.id, "", "scratch", container.name};
      if (container.image_manifest) {
        const auto image = images.find(*container.image_manifest);
        row.image_name = "";
        if (image != images.end()) {
          row.image_id = image->second.id();
          if (!image->second.names.empty()) row.image_name = image->second.names.front();
        }
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

  std::vector<Row> filtered(std::vector<Row> rows) const {
    for (const std::string& filter : filters_) {
      const std::size_t equals = filter.find('=');
      const std::string key = filter.substr(0, equals);
      if (equals == std::string::npos || (key != "id" && key != "name" && key != "ancestor")) {
        throw base::Error("invalid filter: {}", filter);
      }
      const std::string value = filter.substr(equals + 1);
      std::erase_if(rows, [&](const Row& row) {
        if (key == "id") return !row.id.starts_with(value);
        if (key == "name") return row.name.find(value) == std::string::npos;
        return row.image_name.find(value) == std::string::npos && !row.image_id.starts_with(value);
      });
    }
    return rows;
  }

  std::string shown(const std::string& id) const { return whole_ ? id : id.substr(0, 12); }

  void print_table(const std::vector<Row>& rows) const {
    const std::size_t width = whole_ ? 64 : 12;
    std::string text;
    const auto line = [&](std::string_view id, std::string_view builder, std::string_view image,
                          std::string_view image_name, std::string_view name) {
      // Whole IDs leave less room, as Buildah has it.
      text += fmt::format("{:<{}} {}{:<8} {:<{}} {:<32} {}\n", id, width, whole_ ? "" : " ",
                          builder, image, width, image_name, name);
    };
    if (!no_heading_) line("CONTAINER ID", "BUILDER", "IMAGE ID", "IMAGE NAME", "CONTAINER NAME");
    for (const Row& row : rows) {
      line(shown(row.id), "   *", shown(row.image_id), row.image_name, row.name);
    }
    print(text);
  }

  void print_by_template(const std::vector<Row>& rows) const {
    std::vector<Value> values;
    for (const Row& row : rows) {
      values.push_back(Value::Record{{{"ContainerID", "", row.id},
                                      {"Builder", "", "   *"},
                                      {"ImageID", "", row.image_id},
                                      {"ImageName", "", row.image_name},
                                      {"ContainerName", "", row.name}}});
    }
    print(list_by_template(format_, values,
                           {{"ContainerID", "CONTAINER ID"},
                            {"Builder", "BUILDER"},
                            {"ImageID", "IMAGE ID"},
                            {"ImageName", "IMAGE NAME"},
                            {"ContainerName", "CONTAINER NAME"}},
                           no_heading_ ? Header::kLeftOut : Header::kShown));
  }

  static void print_json(const std::vector<Row>& rows) {
    Value::List list;
    for (const Row& row : rows) {
      list.push_back(Value::Record{{{"id", "", row.id},
                                    {"builder", "", true},
                                    {"imageid", "", row.image_id},
                                    {"imagename", "", row.image_name},
                                    {"containername", "", row.name}}});
    }
    // No containers are no list, as Go has it.
    print(json_text(list.empty() ? Value() : Value(list)));
  }

  bool all_ = false, json_ = false, no_heading_ = false, whole_ = false, quiet_ = false;
  std::vector<std::string> filters_;
  std::string format_;
};

}  // namespace

std::unique_ptr<Command> make_containers() { return std::make_unique<Containers>(); }

}  // namespace bld::cmd
