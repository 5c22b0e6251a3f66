// Network namespaces of a build: made when first needed, used again by later steps, never shared by
// two containers that run at the same time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "runtime/container_spec.h"

namespace bld::runtime {

// A long-running program; destroying it ends it.
class Helper {
 public:
  virtual ~Helper() = default;
  virtual bool running() = 0;
};

struct HelperCommand {
  std::string program;  // a path
  std::vector<std::string> args;
  int input_fd = -1, error_fd = -1;  // its standard input and where its messages go
};

using HelperStarter = std::function<std::unique_ptr<Helper>(const HelperCommand&)>;

// Any thread.
class NetworkPool {
 public:
  struct Network;

  // Gives the network back to the pool.
  class Lease {
   public:
    Lease() = default;
    Lease(NetworkPool* pool, std::unique_ptr<Network> network);
    ~Lease();
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;

    int fd() const;  // of the namespace; -1 for the host's

    // The container could change it: nobody else gets it.
    void spoil() { spoiled_ = true; }

    bool is_spoiled() const { return spoiled_; }

   private:
    NetworkPool* pool_ = nullptr;
    std::unique_ptr<Network> network_;
    bool spoiled_ = false;
  };

  explicit NetworkPool(HelperStarter start_helper);
  ~NetworkPool();

  // Blocks while a new network comes up. Throws Error where pasta and slirp4netns are both missing.
  Lease acquire(NetworkMode mode, HostAccess host_access = HostAccess::kClosed);

 private:
  void give_back(std::unique_ptr<Network> network) EXCLUDES(mutex_);

  HelperStarter start_helper_;
  base::Mutex mutex_;
  std::vector<std::unique_ptr<Network>> idle_ GUARDED_BY(mutex_);
};

}  // namespace bld::runtime
