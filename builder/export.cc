#include "builder/export.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/error.h"
#include "builder/export_files.h"
#include "builder/layer_times.h"
#include "builder/snapshot.h"
#include "builder/time_rule.h"
#include "registry/archive_file.h"
#include "registry/copy_image.h"

namespace bld::builder {

namespace {

namespace fs = std::filesystem;

class Exporter {
 public:
  // Copies the whole of what was built to a place; returns its manifest or index there.
  using Send =
      std::function<image::Descriptor(const registry::Location&, const registry::PushOptions&)>;

  // `image` is null for several, which have no files in common.
  Exporter(const store::ImageRecord* image, Send send, const BuildRequest& request,
           const Services& services, std::stop_token stop)
      : image_(image),
        send_(std::move(send)),
        request_(request),
        services_(services),
        stop_(std::move(stop)) {}

  void write_all() {
    for (const Output& output : request_.outputs) {
      try {
        write(output);
      } catch (base::Error& error) {
        const std::string place =
            output.to_standard_output() ? "standard output" : output.destination.string();
        if (output.kind != OutputKind::kLocation) {
          error.add_context(place.empty() ? "--output" : "--output " + place);
        }
        throw;
      } catch (const fs::filesystem_error& error) {
        throw base::Error("--output {}: {}", output.destination.string(), error.code().message());
      }
    }
  }

  const std::optional<image::Descriptor>& pushed() const { return pushed_; }

 private:
  void write(const Output& output) {
    switch (output.kind) {
      case OutputKind::kDirectory:
        return write_directory(output);
      case OutputKind::kTar:
        return write_tar(output);
      case OutputKind::kOciArchive:
        return write_image(output, registry::TransportKind::kOciArchive);
      case OutputKind::kOciLayout:
        fs::create_directories(output.destination);
        return write_image(output, registry::TransportKind::kOciLayout);
      case OutputKind::kDockerArchive:
        return write_image(output, registry::TransportKind::kDockerArchive);
      case OutputKind::kRegistry:
        return push(output);
      case OutputKind::kLocation: {
        const image::Descriptor sent = send_(output.location, options_of(output));
        if (output.location.kind == registry::TransportKind::kDocker) pushed_ = sent;
        return;
      }
    }
  }

  static fs::path place(const Output& output) {
    return output.to_standard_output() ? fs::path(registry::kStandardOutput) : output.destination;
  }

  Snapshot snapshot() {
    std::vector<std::shared_ptr<LayerHandle>> layers;
    for (const auto& diff_id : services_.store.read_config(image_->config_digest).diff_ids) {
      layers.push_back(LayerHandle::stored(diff_id));
    }
    return Snapshot(std::move(layers));
  }

  RootView files(const Snapshot& snapshot) {
    return services_.roots.look_into(snapshot.trees(services_.store));
  }

  // As the image has it, and then as the request wants it.
  TimeOf time_of(const Snapshot& snapshot) {
    const auto times = std::make_shared<const LayerTimes>(snapshot, services_.store);
    return [times, rule = time_rule(request_)](const std::string& path, std::int64_t mtime) {
      return layers::sealed_mtime(times->of(path, mtime), rule);
    };
  }

  void write_tar(const Output& output) {
    const Snapshot layers = snapshot();
    registry::OutputFile file(place(output));
    export_tar(files(layers).root(), time_of(layers), file.sink(), stop_);
    file.publish();
  }

  void write_directory(const Output& output) {
    const Snapshot layers = snapshot();
    fs::create_directories(output.destination);
    export_directory(files(layers).root(), time_of(layers), output.owners,
                     base::RootedDir::open(output.destination), stop_);
  }

  registry::PushOptions options_of(const Output& output) const {
    registry::PushOptions options;
    options.connection = request_.connection;
    options.compression = output.compression;
    options.compression_level = output.compression_level;
    options.force_compression = output.force_compression;
    return options;
  }

  void write_image(const Output& output, registry::TransportKind kind) {
    const registry::Location to{.kind = kind, .path = place(output), .reference = ""};
    registry::PushOptions options = options_of(output);
    const auto& names = output.names.empty() ? request_.tags : output.names;
    if (kind == registry::TransportKind::kDockerArchive) {
      for (const image::Reference& name : names) options.more_names.push_back(name.str());
    } else {
      for (const image::Reference& name : names) {
        options.layout_references.push_back(
            {name.tag(), {{std::string(registry::kFullNameAnnotation), name.str()}}});
      }
    }
    send_(to, options);
  }

  void push(const Output& output) {
    for (const image::Reference& name : request_.tags) {
      const registry::Location to{
          .kind = registry::TransportKind::kDocker, .path = {}, .reference = name.str()};
      pushed_ = send_(to, options_of(output));
    }
  }

  const store::ImageRecord* image_;
  Send send_;
  const BuildRequest& request_;
  const Services& services_;
  std::stop_token stop_;
  std::optional<image::Descriptor> pushed_;
};

}  // namespace

std::optional<image::Descriptor> export_image(const store::ImageRecord& image,
                                              const BuildRequest& request, const Services& services,
                                              const std::stop_token& stop) {
  const auto send = [&](const registry::Location& to, const registry::PushOptions& options) {
    return registry::push(services.store, image, to, options, services.events, stop);
  };
  Exporter exporter(&image, send, request, services, stop);
  exporter.write_all();
  return exporter.pushed();
}

std::optional<image::Descriptor> export_index(const image::Index& index, const BuildRequest& asked,
                                              const Services& services,
                                              const std::stop_token& stop) {
  BuildRequest request = asked;
  // Each image has had its own.
  std::erase_if(request.outputs,
                [](const Output& output) { return output.kind == OutputKind::kDirectory; });
  const auto send = [&](const registry::Location& to, const registry::PushOptions& options) {
    return registry::push_index(services.store, index, to, options, services.events, stop);
  };
  Exporter exporter(nullptr, send, request, services, stop);
  exporter.write_all();
  return exporter.pushed();
}

}  // namespace bld::builder
