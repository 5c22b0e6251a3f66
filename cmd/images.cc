// bld images
#include <algorithm>
#include <chrono>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/human.h"
#include "cmd/image_filter.h"
#include "cmd/listing.h"
#include "cmd/standard_streams.h"
#include "image/image_config.h"

namespace bld::cmd {

namespace {

using store::ImageRecord;
using store::Time;

struct Name {
  std::string repository = "<none>", tag = "<none>";
};

Name split_name(const std::string& text) {
  const image::Reference reference = image::Reference::parse(text);
  return {reference.name(), reference.tag().empty() ? "<none>" : reference.tag()};
}

// A manifest list as it is listed among images.
ImageRecord listed(const store::ManifestList& list) {
  ImageRecord record;
  record.manifest_digest = image::Digest::of(base::as_bytes(list.document));
  record.config_digest = image::Digest::parse("sha256:" + list.id);
  record.names = {list.name};
  record.stored_at = list.created_at;
  record.size_bytes = list.document.size();
  return record;
}

// As Go prints a time.
std::string go_time(const std::string& rfc3339) {
  std::string text = rfc3339;
  std::replace(text.begin(), text.end(), 'T', ' ');
  if (text.ends_with('Z')) text.replace(text.size() - 1, 1, " +0000 UTC");
  return text;
}

class Images : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all,a", all_, "show all images, also intermediate ones");
    flags.add_bool("digests", digests_, "show digests");
    flags.add_list(
        "filter,f", "KEY=VALUE", filters_,
        "only: reference, dangling, label, before, since, until, id, containers, manifest, "
        "readonly, intermediate");
    flags.add_text("format", "TEMPLATE", format_, "print each through a Go template");
    flags.add_bool("json", json_, "print JSON");
    flags.add_bool("no-trunc,notruncate", whole_, "show whole IDs");
    flags.add_bool("noheading,n", no_heading_, "leave the header out");
    flags.add_bool("quiet,q", quiet_, "show only IDs");
    flags.add_bool("history", history_, "show former names");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    if (arguments.size() > 1) throw base::Error("'bld images' requires at most 1 argument");
    if (quiet_ && !format_.empty()) throw base::Error("quiet and format are mutually exclusive");
    store::Store& store = app.store();
    std::vector<ImageRecord> shown = store.images();
    merge_same_ids(shown);
    add_lists(store, shown);
    if (arguments.size() == 1) only_named(store, arguments[0], shown);
    for (const std::string& filter : filters_) apply_filter(store, filter, shown);
    if (json_) {
      print_json(shown);
    } else if (quiet_) {
      std::string text;
      for (const ImageRecord& image : shown) text += id_of(image) + "\n";
      print(text);
    } else {
      print_table(shown);
    }
    return 0;
  }

 private:
  // An image of both formats, or of several compressions, is one image to whoever reads its ID: a
  // manifest without a name only shows when no other one has the ID.
  static void merge_same_ids(std::vector<ImageRecord>& images) {
    std::unordered_set<std::string> ids;
    for (const ImageRecord& image : images) {
      if (!image.names.empty()) ids.insert(image.config_digest.str());
    }
    std::erase_if(images, [&](const ImageRecord& image) {
      return image.names.empty() && !ids.insert(image.config_digest.str()).second;
    });
  }

  static void add_lists(store::Store& store, std::vector<ImageRecord>& images) {
    for (const store::ManifestList& list : store.lists()) images.push_back(listed(list));
    std::vector<std::pair<store::Time, std::size_t>> order;  // the time is text in a record
    for (std::size_t i = 0; i < images.size(); ++i) order.emplace_back(images[i].made_at(), i);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<ImageRecord> sorted;
    for (const auto& [time, index] : order) sorted.push_back(std::move(images[index]));
    images = std::move(sorted);
  }

  static void only_named(store::Store& store, const std::string& text,
                         std::vector<ImageRecord>& images) {
    if (const auto found = store.find_image(text)) {
      images = {*found};
      return;
    }
    if (const auto list = store.find_list(text)) {
      images = {listed(*list)};
      return;
    }
    // "NAME" without a tag stands for all its tags.
    apply_filter(store, "reference=" + text, images);
    if (images.empty()) throw base::Error("{}: image not known", text);
  }

  std::string id_of(const ImageRecord& image) const {
    return whole_ ? "sha256:" + image.id() : image.id().substr(0, 12);
  }

  static std::string age_of(const ImageRecord& image) {
    return age_text(std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now() - image.made_at()));
  }

  static std::int64_t seconds_of(const ImageRecord& image) {
    return image.made_at().time_since_epoch().count();
  }

  static std::string time_of(const ImageRecord& image) {
    const Time time = image.made_at();
    // With the fraction of a second, where the image has one.
    return image::parse_time(image.created) == time ? image.created : image::format_time(time);
  }

  Value row(const ImageRecord& image, const Name& name) const {
    const std::string time = time_of(image);
    return Value::Record{{{"ID", "", id_of(image)},
                          {"Name", "", name.repository},
                          {"Tag", "", name.tag},
                          {"Digest", "", image.manifest_digest.str()},
                          {"Created", "", seconds_of(image)},
                          {"CreatedAt", "", age_of(image)},
                          {"CreatedAtRaw", "", Value::Printed{time, go_time(time)}},
                          {"Size", "", size_text(image.size_bytes)},
                          {"ReadOnly", "", false},
                          {"History", "", base::join(image.names, ", ")}}};
  }

  void print_table(const std::vector<ImageRecord>& images) const {
    std::vector<Value> rows;
    for (const ImageRecord& image : images) {
      if (image.names.empty()) rows.push_back(row(image, {}));
      for (const std::string& name : image.names) rows.push_back(row(image, split_name(name)));
    }
    std::string format = format_;
    if (format.empty()) {
      format = "table {{.Name}}\t{{.Tag}}\t";
      if (digests_) format += "{{.Digest}}\t";
      format += "{{.ID}}\t{{.CreatedAt}}\t{{.Size}}";
      if (history_) format += "\t{{.History}}";
    }
    print(list_by_template(format, rows,
                           {{"ID", "IMAGE ID"},
                            {"Name", "REPOSITORY"},
                            {"Tag", "TAG"},
                            {"Digest", "DIGEST"},
                            {"Created", "CREATED"},
                            {"CreatedAt", "CREATED"},
                            {"CreatedAtRaw", "CREATED"},
                            {"Size", "SIZE"},
                            {"ReadOnly", "READ-ONLY"},
                            {"History", "HISTORY"}},
                           no_heading_ ? Header::kLeftOut : Header::kShown));
  }

  void print_json(const std::vector<ImageRecord>& images) const {
    Value::List list;
    for (const ImageRecord& image : images) {
      list.push_back(
          Value::Record{{{"id", "", whole_ ? image.id() : image.id().substr(0, 12)},
                         {"names", "", image.names.empty() ? Value() : Value::list(image.names)},
                         {"digest", "", image.manifest_digest.str()},
                         {"createdat", "", age_of(image)},
                         {"size", "", size_text(image.size_bytes)},
                         {"created", "", seconds_of(image)},
                         {"createdatraw", "", time_of(image)},
                         {"readonly", "", false},
                         {"history", "", Value()}}});
    }
    print(json_text(list));
  }

  bool all_ = false, digests_ = false, json_ = false, whole_ = false, no_heading_ = false;
  bool quiet_ = false, history_ = false;
  std::vector<std::string> filters_;
  std::string format_;
};

}  // namespace

std::unique_ptr<Command> make_images() { return std::make_unique<Images>(); }

}  // namespace bld::cmd
