#include "cmd/layer_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "builder/file_tree.h"
#include "cmd/human.h"
#include "image/image_config.h"

namespace bld::cmd {

namespace {

using base::Json;
using builder::FileTree;
using builder::LayerEffect;
using builder::TreeFile;

constexpr std::size_t kLargestFiles = 10;
constexpr std::size_t kCreatedByColumns = 60;

struct LayerLine {
  image::DiffId diff_id;
  std::uint64_t tar_bytes = 0;
  std::string created_by;
  LayerEffect effect;
};

// The history entries that made a layer, in order; fewer where the config does not tell.
std::vector<std::string> makers(const image::ImageConfig& config) {
  std::vector<std::string> all;
  for (const image::History& entry : config.history) {
    if (!entry.empty_layer) all.push_back(entry.created_by);
  }
  return all;
}

std::vector<LayerLine> read_layers(store::Store& store, const image::ImageConfig& config,
                                   FileTree& tree) {
  const std::vector<std::string> created_by = makers(config);
  std::vector<LayerLine> lines;
  for (std::size_t i = 0; i < config.diff_ids.size(); ++i) {
    const auto layer = store.find_layer(config.diff_ids[i]);
    if (!layer) throw base::Error("layer {} is not in the store", config.diff_ids[i].digest.str());
    lines.push_back({config.diff_ids[i], layer->tar_size_bytes,
                     i < created_by.size() ? created_by[i] : "",
                     tree.add_layer(store, config.diff_ids[i], builder::Content::kSkipped)});
  }
  return lines;
}

std::vector<const TreeFile*> largest_files(const FileTree& tree) {
  std::vector<const TreeFile*> files;
  for (const auto& [path, file] : tree.files()) {
    if (file.entry.size > 0) files.push_back(&file);
  }
  const std::size_t count = std::min(kLargestFiles, files.size());
  std::partial_sort(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(count), files.end(),
                    [](const auto* a, const auto* b) { return a->entry.size > b->entry.size; });
  files.resize(count);
  return files;
}

std::string one_line(std::string_view text) {
  std::string line = base::printable(text.substr(0, text.find('\n')));
  if (line.size() > kCreatedByColumns) line = line.substr(0, kCreatedByColumns - 3) + "...";
  return line;
}

std::string as_text(const std::vector<LayerLine>& layers, const FileTree& tree) {
  std::vector<std::vector<std::string>> rows{
      {"#", "LAYER", "SIZE", "ADDED", "CHANGED", "REMOVED", "HIDES", "CREATED BY"}};
  std::uint64_t hidden = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerLine& layer = layers[i];
    hidden += layer.effect.hidden_bytes;
    rows.push_back({std::to_string(i + 1), std::string(layer.diff_id.digest.hex().substr(0, 12)),
                    size_text(layer.tar_bytes), std::to_string(layer.effect.added),
                    std::to_string(layer.effect.changed), std::to_string(layer.effect.removed),
                    size_text(layer.effect.hidden_bytes), one_line(layer.created_by)});
  }
  std::string text = table_text(rows);
  text += fmt::format("\n{} of lower layers are hidden by upper ones\n\nLargest files:\n",
                      size_text(hidden));
  std::vector<std::vector<std::string>> files{{"SIZE", "#", "PATH"}};
  for (const TreeFile* file : largest_files(tree)) {
    files.push_back({size_text(file->entry.size), std::to_string(file->layer + 1),
                     "/" + base::printable(file->entry.path)});
  }
  return text + table_text(files);
}

Json number(std::uint64_t value) { return Json(static_cast<std::int64_t>(value)); }

std::string as_json(const std::vector<LayerLine>& layers, const FileTree& tree) {
  Json list = Json::array();
  for (const LayerLine& layer : layers) {
    Json json = Json::object();
    json.add("diffID", layer.diff_id.digest.str());
    json.add("createdBy", layer.created_by);
    json.add("size", number(layer.tar_bytes));
    json.add("added", number(layer.effect.added));
    json.add("changed", number(layer.effect.changed));
    json.add("removed", number(layer.effect.removed));
    json.add("fileBytes", number(layer.effect.bytes));
    json.add("hiddenBytes", number(layer.effect.hidden_bytes));
    list.push(std::move(json));
  }
  Json files = Json::array();
  for (const TreeFile* file : largest_files(tree)) {
    Json json = Json::object();
    json.add("path", "/" + base::printable(file->entry.path));
    json.add("size", number(file->entry.size));
    json.add("layer", number(file->layer));
    files.push(std::move(json));
  }
  Json all = Json::object();
  all.add("layers", std::move(list));
  all.add("largestFiles", std::move(files));
  return all.str(4) + "\n";
}

}  // namespace

std::string layer_report(store::Store& store, const store::ImageRecord& image,
                         ReportFormat format) {
  FileTree tree;
  const auto layers = read_layers(store, store.read_config(image.config_digest), tree);
  return format == ReportFormat::kJson ? as_json(layers, tree) : as_text(layers, tree);
}

}  // namespace bld::cmd
