// bld df
#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/human.h"
#include "cmd/standard_streams.h"
#include "image/image_config.h"

namespace bld::cmd {

namespace {

using base::Json;
using store::StoreUsage;
using store::UsageItem;

// A line of the summary.
struct Total {
  std::string type;
  std::uint64_t count = 0, active = 0, bytes = 0, reclaimable_bytes = 0;
};

Total total_of_caches(const std::vector<UsageItem>& caches) {
  Total total{.type = "RUN caches", .count = caches.size()};
  for (const UsageItem& cache : caches) {
    total.bytes += cache.bytes;
    if (cache.in_use) {
      ++total.active;
    } else {
      total.reclaimable_bytes += cache.bytes;
    }
  }
  return total;
}

std::vector<Total> totals(const StoreUsage& usage) {
  Total images{.type = "Images",
               .count = usage.images.size(),
               .bytes = usage.image_layer_bytes + usage.document_bytes};
  for (const UsageItem& image : usage.images) {
    if (image.in_use) {
      ++images.active;
    } else {
      images.reclaimable_bytes += image.own_bytes;
    }
  }
  Total containers{.type = "Containers", .count = usage.containers.size()};
  for (const UsageItem& container : usage.containers) containers.bytes += container.bytes;
  containers.active = containers.count;
  const Total steps{.type = "Step cache",
                    .count = usage.steps,
                    .bytes = usage.step_bytes(),
                    .reclaimable_bytes = usage.step_bytes()};
  return {images, containers, steps, total_of_caches(usage.run_caches)};
}

std::string table_of(const std::vector<UsageItem>& items, const std::string& title,
                     std::string_view id_header) {
  if (items.empty()) return "";
  std::vector<std::vector<std::string>> rows{
      {std::string(id_header), "NAMES", "SIZE", "OWN SIZE", "IN USE"}};
  for (const UsageItem& item : items) {
    rows.push_back({item.id.substr(0, 12), base::printable(base::join(item.names, ", ")),
                    size_text(item.bytes), size_text(item.own_bytes), item.in_use ? "yes" : ""});
  }
  return fmt::format("\n{}\n{}", title, table_text(rows));
}

Json json_of(const std::vector<UsageItem>& items) {
  Json list = Json::array();
  for (const UsageItem& item : items) {
    Json json = Json::object();
    json.add("id", item.id);
    if (!item.names.empty()) json.add("names", Json::from(item.names));
    json.add("size", static_cast<std::int64_t>(item.bytes));
    json.add("ownSize", static_cast<std::int64_t>(item.own_bytes));
    json.add("lastUsed", image::format_time(item.last_used));
    json.add("inUse", item.in_use);
    list.push(std::move(json));
  }
  return list;
}

class Df : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("json", json_, "print JSON");
    flags.add_bool("verbose,v", verbose_, "also each image, container and cache");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 0, 0, "");
    const StoreUsage usage = app.store().usage();
    print(json_ ? as_json(usage) : as_text(usage));
    return 0;
  }

 private:
  std::string as_text(const StoreUsage& usage) const {
    std::vector<std::vector<std::string>> rows{{"TYPE", "TOTAL", "IN USE", "SIZE", "RECLAIMABLE"}};
    for (const Total& total : totals(usage)) {
      rows.push_back({total.type, std::to_string(total.count), std::to_string(total.active),
                      size_text(total.bytes), size_text(total.reclaimable_bytes)});
    }
    std::string text =
        table_text(rows) + fmt::format("\n{} in all\n", size_text(usage.total_bytes()));
    if (!verbose_) return text;
    return text + table_of(usage.images, "Images", "IMAGE ID") +
           table_of(usage.containers, "Containers", "CONTAINER ID") +
           table_of(usage.run_caches, "RUN caches", "CACHE");
  }

  static std::string as_json(const StoreUsage& usage) {
    Json summary = Json::array();
    for (const Total& total : totals(usage)) {
      Json json = Json::object();
      json.add("type", total.type);
      json.add("total", static_cast<std::int64_t>(total.count));
      json.add("inUse", static_cast<std::int64_t>(total.active));
      json.add("size", static_cast<std::int64_t>(total.bytes));
      json.add("reclaimable", static_cast<std::int64_t>(total.reclaimable_bytes));
      summary.push(std::move(json));
    }
    Json all = Json::object();
    all.add("size", static_cast<std::int64_t>(usage.total_bytes()));
    all.add("summary", std::move(summary));
    all.add("images", json_of(usage.images));
    all.add("containers", json_of(usage.containers));
    all.add("runCaches", json_of(usage.run_caches));
    return all.str(4) + "\n";
  }

  bool json_ = false, verbose_ = false;
};

}  // namespace

std::unique_ptr<Command> make_df() { return std::make_unique<Df>(); }

}  // namespace bld::cmd
