// bld diff
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "builder/file_tree.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/human.h"
#include "cmd/standard_streams.h"
#include "image/image_config.h"

namespace bld::cmd {

namespace {

using base::Json;
using builder::FileChange;
using builder::FileTree;

// An image or a container.
struct Subject {
  std::vector<image::DiffId> layers;       // lowest first
  std::optional<base::RootedDir> changes;  // a container's, upon the layers
  image::ImageConfig config;
};

Subject find_subject(store::Store& store, const std::string& name) {
  if (store.find_container(name)) {
    const builder::WorkingContainer container = builder::get_container(store, name);
    const std::string& id = container.record.id;
    return {container.record.layers, base::RootedDir::open(store.container_dir(id) / "upper"),
            container.config};
  }
  image::ImageConfig config = store.read_config(store.get_image(name).config_digest);
  return {config.diff_ids, std::nullopt, std::move(config)};
}

const char* letter(FileChange::Kind kind) {
  switch (kind) {
    case FileChange::Kind::kAdded:
      return "A";
    case FileChange::Kind::kChanged:
      return "C";
    case FileChange::Kind::kRemoved:
      break;
  }
  return "D";
}

std::string signed_size(std::uint64_t before, std::uint64_t after) {
  if (before == after) return "";
  return after > before ? "+" + size_text(after - before) : "-" + size_text(before - after);
}

// What of the members of two objects is not the same: name, then both values.
struct ConfigChange {
  std::string name;
  Json before, after;
};

void compare_members(const std::string& prefix, const Json& before, const Json& after,
                     std::vector<ConfigChange>& changes) {
  std::vector<std::string> names;
  for (const Json* side : {&before, &after}) {
    if (!side->is_object()) continue;
    for (const auto& [name, value] : side->as_object()) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    const Json* old_value = before.is_object() ? before.find(name) : nullptr;
    const Json* new_value = after.is_object() ? after.find(name) : nullptr;
    const Json a = old_value != nullptr ? *old_value : Json();
    const Json b = new_value != nullptr ? *new_value : Json();
    if (a == b || (prefix.empty() && (name == "rootfs" || name == "history"))) continue;
    if (a.is_object() || b.is_object()) {
      compare_members(prefix + name + ".", a, b, changes);
    } else {
      changes.push_back({prefix + name, a, b});
    }
  }
}

std::vector<ConfigChange> compare_configs(const image::ImageConfig& before,
                                          const image::ImageConfig& after) {
  std::vector<ConfigChange> changes;
  compare_members("", Json::parse(before.json()), Json::parse(after.json()), changes);
  return changes;
}

class Diff : public Command {
 public:
  void declare(FlagSet& flags) override { flags.add_bool("json", json_, "print JSON"); }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 2, "name of an image or a container must be specified");
    store::Store& store = app.store();
    Subject before = find_subject(store, arguments[0]);
    Subject after;
    if (arguments.size() == 2) {
      after = find_subject(store, arguments[1]);
    } else {
      after = std::exchange(before, below(before));
    }
    const auto files = compare_files(store, before, after);
    const auto configs = compare_configs(before.config, after.config);
    print(json_ ? as_json(files, configs) : as_text(files, configs));
    return 0;
  }

 private:
  // What a single subject is compared with: a container's image, an image without its last layer.
  static Subject below(const Subject& subject) {
    Subject base{subject.layers, std::nullopt, subject.config};
    if (!subject.changes && !base.layers.empty()) base.layers.pop_back();
    return base;
  }

  static std::vector<FileChange> compare_files(store::Store& store, const Subject& before,
                                               const Subject& after) {
    // Layers that both begin with are read once, and need no comparing.
    const auto mismatch = std::mismatch(before.layers.begin(), before.layers.end(),
                                        after.layers.begin(), after.layers.end());
    FileTree common;
    for (auto layer = before.layers.begin(); layer != mismatch.first; ++layer) {
      common.add_layer(store, *layer, builder::Content::kSkipped);
    }
    FileTree trees[2] = {common, common};
    const Subject* subjects[2] = {&before, &after};
    const auto shared = static_cast<std::size_t>(mismatch.first - before.layers.begin());
    for (int side = 0; side < 2; ++side) {
      const Subject& subject = *subjects[side];
      for (std::size_t i = shared; i < subject.layers.size(); ++i) {
        trees[side].add_layer(store, subject.layers[i], builder::Content::kHashed);
      }
      if (subject.changes) trees[side].add_tree(*subject.changes, builder::Content::kHashed);
    }
    return builder::compare(trees[0], trees[1]);
  }

  static std::string as_text(const std::vector<FileChange>& files,
                             const std::vector<ConfigChange>& configs) {
    std::string text;
    for (const FileChange& file : files) {
      text += fmt::format("{} /{}", letter(file.kind), base::printable(file.path));
      if (!file.what.empty()) text += fmt::format("  ({})", base::join(file.what, ", "));
      const std::string size = signed_size(file.old_bytes, file.new_bytes);
      text += size.empty() ? "\n" : fmt::format("  {}\n", size);
    }
    for (const ConfigChange& config : configs) {
      text += fmt::format("config {}: {} -> {}\n", base::printable(config.name),
                          config.before.str(), config.after.str());
    }
    return text;
  }

  static std::string as_json(const std::vector<FileChange>& files,
                             const std::vector<ConfigChange>& configs) {
    Json list = Json::array();
    for (const FileChange& file : files) {
      Json item = Json::object();
      item.add("kind", letter(file.kind));
      item.add("path", base::printable("/" + file.path));
      item.add("oldSize", static_cast<std::int64_t>(file.old_bytes));
      item.add("newSize", static_cast<std::int64_t>(file.new_bytes));
      if (!file.what.empty()) item.add("what", Json::from(file.what));
      list.push(std::move(item));
    }
    Json changes = Json::array();
    for (const ConfigChange& config : configs) {
      Json item = Json::object();
      item.add("name", config.name);
      item.add("old", config.before);
      item.add("new", config.after);
      changes.push(std::move(item));
    }
    Json all = Json::object();
    all.add("files", std::move(list));
    all.add("config", std::move(changes));
    return all.str(4) + "\n";
  }

  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_diff() { return std::make_unique<Diff>(); }

}  // namespace bld::cmd
