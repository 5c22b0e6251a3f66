#include "cmd/image_filter.h"

#include <fnmatch.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "cmd/flags.h"
#include "cmd/image_use.h"
#include "dockerfile/values.h"
#include "image/image_config.h"

namespace bld::cmd {

using base::Error;
using store::ImageRecord;

store::Time ago(const std::string& duration) {
  try {
    const std::chrono::nanoseconds age(dockerfile::parse_duration_ns(duration));
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() - age);
  } catch (const Error&) {
    throw Error("--filter until={}: not a duration", duration).hint("for example until=48h");
  }
}

bool name_matches(const std::string& name, const std::string& pattern) {
  // The name in full, without its tag, and both without leading components.
  const std::size_t colon =
      name.find(':', name.rfind('/') == std::string::npos ? 0 : name.rfind('/'));
  std::vector<std::string> forms{name};
  if (colon != std::string::npos) forms.push_back(name.substr(0, colon));
  for (const std::string& form : forms) {
    std::string_view rest = form;
    for (;;) {
      if (::fnmatch(pattern.c_str(), std::string(rest).c_str(), FNM_PATHNAME) == 0) return true;
      const std::size_t slash = rest.find('/');
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
  }
  return false;
}

namespace {

using Keep = std::function<bool(ImageRecord&)>;

bool keep_names(ImageRecord& image, const std::string& pattern) {
  std::erase_if(image.names, [&](const std::string& name) { return !name_matches(name, pattern); });
  return !image.names.empty();
}

bool has_label(store::Store& store, const ImageRecord& image, const std::string& wanted) {
  if (store.find_list(image.id())) return false;  // which has none
  const std::size_t equals = wanted.find('=');
  const auto config = store.read_config(image.config_digest);
  const auto label = config.config.labels.find(wanted.substr(0, equals));
  if (label == config.config.labels.end()) return false;
  return equals == std::string::npos || label->second == wanted.substr(equals + 1);
}

store::Time time_of(store::Store& store, const std::string& name) {
  if (const auto list = store.find_list(name)) return list->created_at;
  return store.get_image(name).made_at();
}

Keep make_filter(store::Store& store, const std::string& key, const std::string& value) {
  if (key == "reference") {
    return [=](ImageRecord& image) { return keep_names(image, value); };
  }
  if (key == "dangling") {
    return
        [wanted = parse_bool(value)](ImageRecord& image) { return image.names.empty() == wanted; };
  }
  if (key == "readonly" || key == "intermediate") {
    // No image of this store is either.
    return [wanted = parse_bool(value)](ImageRecord&) { return !wanted; };
  }
  if (key == "label!") {
    return [&store, value](ImageRecord& image) { return !has_label(store, image, value); };
  }
  if (key == "label") {
    return [&store, value](ImageRecord& image) { return has_label(store, image, value); };
  }
  if (key == "id") {
    return [=](ImageRecord& image) { return image.id().starts_with(value); };
  }
  if (key == "before" || key == "since" || key == "after") {
    const store::Time than = time_of(store, value);
    const bool before = key == "before";
    return [=](ImageRecord& image) {
      return before ? image.made_at() < than : image.made_at() > than;
    };
  }
  if (key == "until") {
    return [then = ago(value)](ImageRecord& image) { return image.made_at() < then; };
  }
  if (key == "manifest") {
    return [&store, wanted = parse_bool(value)](ImageRecord& image) {
      return store.find_list(image.id()).has_value() == wanted;
    };
  }
  if (key == "containers") {
    return [&store, wanted = parse_bool(value)](ImageRecord& image) {
      return is_used_by_container(store, image) == wanted;
    };
  }
  throw Error("unsupported image filter \"{}\"", key);
}

}  // namespace

void apply_filter(store::Store& store, const std::string& filter,
                  std::vector<ImageRecord>& images) {
  const std::size_t equals = filter.find('=');
  if (equals == std::string::npos) {
    throw Error("invalid image filter \"{}\": must be in the format \"filter=value\"", filter);
  }
  const Keep keep = make_filter(store, filter.substr(0, equals), filter.substr(equals + 1));
  std::erase_if(images, [&](ImageRecord& image) { return !keep(image); });
}

}  // namespace bld::cmd
