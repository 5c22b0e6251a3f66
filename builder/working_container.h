// Scripted builds: an active snapshot that stays open between commands.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/build.h"
#include "builder/build_request.h"
#include "builder/snapshot.h"
#include "image/image_config.h"
#include "store/store.h"

namespace bld::builder {

struct FromOptions {
  std::string image;  // as FROM has it; "scratch" is the empty one
  std::string name;   // of the container; empty: made from the image's name and `suffix`
  std::string suffix = "working-container";
  std::vector<std::string> run_flags;  // see WorkingContainer
  ImageFormat format = ImageFormat::kOci;
  std::optional<image::Platform> platform;
  PullPolicy pull = PullPolicy::kMissing;
  registry::ConnectionOptions connection;
};

// What a working container is besides its files, as the store keeps it.
struct WorkingContainer {
  store::Container record;
  std::string image_name;     // in full; empty: scratch
  std::string image_id;       // hex; empty: scratch
  image::ImageConfig config;  // of the next commit; diffIDs and history are those of the image
  std::map<std::string, std::string> annotations;  // with those that the image handed down
  std::vector<std::string> history;         // --add-history: what was done, one entry each
  std::string created_by, history_comment;  // of the entry that a commit adds; empty: the usual
  std::vector<std::string> run_flags;       // for each `run`: words of a command line
  ImageFormat format = ImageFormat::kOci;   // what it was made for; a commit may choose the other
};

// Makes a container: instant, whatever the size of the image.
WorkingContainer make_container(const FromOptions& options, const Services& services,
                                std::stop_token stop);

// By name, ID or unique prefix of an ID; throws "container not known".
WorkingContainer get_container(store::Store& store, std::string_view name);
std::vector<WorkingContainer> list_containers(store::Store& store);

// Its files below its changes, lowest layer first.
Snapshot base_of(const WorkingContainer& container);

// Lets `edit` change everything but the files (also the name), under the container's lock.
void edit_container(store::Store& store, std::string_view name,
                    const std::function<void(WorkingContainer&)>& edit);

}  // namespace bld::builder
