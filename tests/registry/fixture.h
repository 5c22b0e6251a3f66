// Two stores and the calls between them.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "base/events.h"
#include "base/mutex.h"
#include "registry/copy_image.h"
#include "tests/registry/servers.h"
#include "tests/store/fixture.h"
#include "tests/support/temp_dir.h"

namespace bld::test {

class RecordedEvents : public base::EventSink {
 public:
  void send(const base::Event& event) override EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    if (const auto* transfer = std::get_if<base::Transfer>(&event)) transfers_.push_back(*transfer);
  }

  // How many were done whose id begins so.
  std::size_t done(const std::string& prefix) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    std::size_t count = 0;
    for (const auto& transfer : transfers_) {
      if (transfer.done && transfer.id.starts_with(prefix)) ++count;
    }
    return count;
  }

 private:
  base::Mutex mutex_;
  std::vector<base::Transfer> transfers_ GUARDED_BY(mutex_);
};

// No test sees the credentials of whoever runs it.
class Surroundings {
 public:
  Surroundings() {
    for (const char* name :
         {"REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "XDG_CONFIG_HOME"}) {
      ::unsetenv(name);
    }
    ::setenv("HOME", home_.path().c_str(), 1);
    // Without one, some programs look into a folder of root's.
    const std::filesystem::path runtime = home_.path() / "run";
    std::filesystem::create_directory(runtime);
    ::setenv("XDG_RUNTIME_DIR", runtime.c_str(), 1);
  }

  const TempDir& home() const { return home_; }

 private:
  TempDir home_;
};

inline registry::ConnectionOptions plain_http() {
  registry::ConnectionOptions connection;
  connection.tls_verify = false;
  connection.first_retry_pause = std::chrono::milliseconds(10);
  return connection;
}

inline registry::Location location(const std::string& text) {
  return registry::parse_location(text).value();
}

class RegistryTest : public testing::Test {
 protected:
  RegistryTest()
      : here_(open_store(directory_ / "here")), there_(open_store(directory_ / "there")) {}

  store::ImageRecord pull(store::Store& store, const std::string& from,
                          const std::string& name = "") {
    registry::PullOptions options;
    options.connection = connection_;
    options.platform = image::Platform::parse("linux/amd64");
    if (!name.empty()) options.name = image::Reference::parse_local(name);
    return registry::pull(store, location(from), options, events_, {}).record;
  }

  image::Descriptor push(store::Store& store, const std::string& image, const std::string& to,
                         registry::PushOptions options = {}) {
    options.connection = connection_;
    return registry::push(store, store.get_image(image), location(to), options, events_, {});
  }

  Surroundings surroundings_;
  TempDir directory_;
  store::Store here_, there_;
  RecordedEvents events_;
  registry::ConnectionOptions connection_ = plain_http();
};

}  // namespace bld::test
