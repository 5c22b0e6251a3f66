#include "registry/other_stores.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/process.h"
#include "base/text.h"
#include "registry/archive.h"
#include "registry/containers_storage.h"
#include "registry/storage_conf.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;

// Who root of our user namespace is outside of it: podman and buildah look for the store of that
// user, and are told as they tell their own children. Nothing where we are in none.
std::vector<std::string> caller_environment() {
  if (std::getenv("_CONTAINERS_USERNS_CONFIGURED") != nullptr) return {};
  const auto [uid, gid] = outside_ids();
  if (::geteuid() != 0 || uid == "0") return {};
  return {"_CONTAINERS_USERNS_CONFIGURED=done", "_CONTAINERS_ROOTLESS_UID=" + uid,
          "_CONTAINERS_ROOTLESS_GID=" + gid};
}

void run_program(std::vector<std::string> args, const std::stop_token& stop) {
  const std::string shown = args[0] + " " + args[1];
  base::ProcessOptions options;
  options.args = std::move(args);
  options.env = caller_environment();
  options.directory = "/";
  options.stop = stop;
  const base::ProcessResult done = base::run_process(options);
  if (done.exit_status == 0) return;
  std::string said(base::trim(done.error_output));
  said = said.substr(said.rfind('\n') + 1);
  if (said.starts_with("Error: ")) said.erase(0, 7);
  throw base::Error("{} failed with status {}: {}", shown, done.exit_status, base::printable(said));
}

// "[DRIVER@]ROOT[+RUNROOT][:OPTIONS]" as flags of podman and buildah.
std::vector<std::string> store_flags(std::string store) {
  std::vector<std::string> flags;
  if (store.empty()) return flags;
  if (const std::size_t at = store.find('@'); at != std::string::npos) {
    flags = {"--storage-driver", store.substr(0, at)};
    store.erase(0, at + 1);
  }
  if (const std::size_t colon = store.find(':'); colon != std::string::npos) {
    for (const std::string& option : base::split(store.substr(colon + 1), ',')) {
      flags.insert(flags.end(), {"--storage-opt", option});
    }
    store.erase(colon);
  }
  const std::size_t plus = store.find('+');
  if (plus != std::string::npos) flags.insert(flags.end(), {"--runroot", store.substr(plus + 1)});
  store.erase(std::min(plus, store.size()));
  flags.insert(flags.end(), {"--root", store});
  return flags;
}

std::vector<std::string> with_store(std::vector<std::string> words, const Location& place) {
  const auto flags = store_flags(place.path.string());
  words.insert(words.begin() + 1, flags.begin(), flags.end());
  return words;
}

// The first of them that is installed.
std::string one_of(const std::vector<std::string>& programs, const Location& place) {
  for (const std::string& program : programs) {
    if (!base::find_program(program).empty()) return program;
  }
  throw base::Error("{}: {} is not installed", place.str(), base::join(programs, " or "))
      .hint("an image can go by a file, too: docker-archive:FILE, oci-archive:FILE");
}

std::vector<std::string> save_command(const Location& from, const std::string& file) {
  if (from.kind == TransportKind::kDockerDaemon) {
    return {one_of({"docker"}, from), "save", "--output", file, from.reference};
  }
  const std::string program = one_of({"podman", "buildah"}, from);
  if (program == "buildah") {
    return with_store({program, "push", "-q", from.reference, "docker-archive:" + file}, from);
  }
  return with_store(
      {program, "save", "-q", "--format", "docker-archive", "-o", file, from.reference}, from);
}

std::vector<std::string> load_command(const Location& to, const std::string& file) {
  if (to.kind == TransportKind::kDockerDaemon) {
    return {one_of({"docker"}, to), "load", "--quiet", "--input", file};
  }
  const std::string program = one_of({"podman", "buildah"}, to);
  if (program == "buildah") {
    return with_store({program, "pull", "-q", "docker-archive:" + file}, to);
  }
  return with_store({program, "load", "-q", "-i", file}, to);
}

class OtherStoreSink : public ImageSink {
 public:
  OtherStoreSink(const Location& to, const fs::path& scratch, std::stop_token stop)
      : file_((scratch / "image.tar").string()),
        command_(load_command(to, file_)),
        archive_(open_docker_archive_sink(file_, to.reference)),
        stop_(std::move(stop)) {}

  bool wants_uncompressed_layers() const override { return true; }

  bool is_sequential() const override { return true; }

  bool has_blob(const image::Descriptor& blob) override { return archive_->has_blob(blob); }

  void put_blob(const OutgoingBlob& blob) override { archive_->put_blob(blob); }

  void put_manifest(const std::string& text, const image::Descriptor& descriptor) override {
    archive_->put_manifest(text, descriptor);
    run_program(command_, stop_);
  }

 private:
  std::string file_;
  std::vector<std::string> command_;
  std::unique_ptr<ImageSink> archive_;
  std::stop_token stop_;
};

}  // namespace

std::unique_ptr<ImageSource> open_other_store_source(const Location& from, const fs::path& scratch,
                                                     const std::stop_token& stop) {
  const fs::path file = scratch / "image.tar", unpacked = scratch / "unpacked";
  if (from.kind == TransportKind::kContainersStorage) {
    StoredElsewhere found = find_in_containers_storage(from, stop);
    if (found.source) return std::move(found.source);
    if (base::find_program("podman").empty() && base::find_program("buildah").empty()) {
      throw base::Error("{}: {}", from.str(), found.why_not);
    }
  }
  run_program(save_command(from, file.string()), stop);
  fs::create_directory(unpacked);
  auto source = open_docker_archive_source(file, "", unpacked);
  fs::remove(file);
  return source;
}

bool is_in_containers_storage(const image::Reference& name, const std::stop_token& stop) {
  const Location place{TransportKind::kContainersStorage, {}, name.str()};
  return find_in_containers_storage(place, stop).source != nullptr;
}

std::unique_ptr<ImageSink> open_other_store_sink(const Location& to, const fs::path& scratch,
                                                 const std::stop_token& stop) {
  return std::make_unique<OtherStoreSink>(to, scratch, stop);
}

}  // namespace bld::registry
