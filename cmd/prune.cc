// bld prune
#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "base/error.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/human.h"
#include "cmd/image_filter.h"
#include "cmd/image_use.h"
#include "cmd/options.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

using base::Error;

// Images without a name go, with -a all that no working container uses, but none of a manifest
// list; and then everything that nothing reaches. What is cached goes when it is asked for.
class Prune : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all,a", all_, "all images that no container uses, not only unnamed ones");
    flags.add_bool("force,f", force_, "also images that containers use, with the containers");
    flags.add_list("filter", "KEY=VALUE", filters_,
                   "only what is older (until=48h), or images (label=…, label!=…, and those of "
                   "`bld images`)");
    flags.add_bool("cache", cache_, "also the caches: of steps, and of RUN --mount=type=cache");
    flags.add(
        "keep-storage,max-used-space", "SIZE",
        [this](const std::string& text) { keep_bytes_ = parse_bytes(text); },
        "caches, least recently used first, until the store takes no more than this");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 0, 0, "");
    store::Store& store = app.store();
    std::vector<store::ImageRecord> images = store.images();
    apply_filters(store, images);
    for (const store::ImageRecord& image : images) {
      if (!force_ && is_used_by_container(store, image)) continue;
      const auto removed = store.remove_image(image.exact_name(), store::Store::Force::kYes);
      for (const std::string& id : removed.removed_ids) print(id + "\n");
    }
    std::uint64_t freed = store.gc().freed_bytes;
    if (cache_ || keep_bytes_) freed += store.evict_cache({until_, keep_bytes_}).freed_bytes;
    print_error(fmt::format("Reclaimed {}\n", size_text(freed)));
    return 0;
  }

 private:
  void apply_filters(store::Store& store, std::vector<store::ImageRecord>& images) {
    const auto in_lists = manifests_in_lists(store);
    std::erase_if(images, [&](const store::ImageRecord& image) {
      return in_lists.contains(image.manifest_digest) || (!all_ && !image.names.empty());
    });
    for (const std::string& filter : filters_) {
      if (filter.starts_with("until=")) {
        until_ = ago(filter.substr(6));
        std::erase_if(images, [&](const auto& image) { return image.stored_at >= *until_; });
      } else {
        if (cache_ || keep_bytes_) {
          throw Error("--filter {}: what is cached knows only until=", filter);
        }
        apply_filter(store, filter, images);
      }
    }
  }

  bool all_ = false, force_ = false, cache_ = false;
  std::vector<std::string> filters_;
  std::optional<store::Time> until_;
  std::optional<std::uint64_t> keep_bytes_;
};

}  // namespace

std::unique_ptr<Command> make_prune() { return std::make_unique<Prune>(); }

}  // namespace bld::cmd
