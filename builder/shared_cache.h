// --cache-from and --cache-to: what steps gave, in repositories that several machines share.
//
// A step is an OCI image there whose tag is the step's definition key. Its config and manifest name
// the layer that the step made, if it made one; annotations of the manifest (io.bld.step.*) say
// what else its record has.
#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/build.h"
#include "registry/transport.h"
#include "store/records.h"

namespace bld::builder {

struct SharedStep {
  store::StepRecord record;
  registry::Location place;
};

class SharedCache {
 public:
  // What is given outlives it.
  SharedCache(const BuildRequest& request, const Services& services, std::stop_token stop);

  // One thread. The step in the first repository of --cache-from that has it. One that cannot be
  // asked is told of, and not asked again.
  std::optional<SharedStep> find(const std::string& key);

  // Any thread. The step's layer comes into the store, and with it the record.
  void bring(const SharedStep& step) const;

  // To each repository of --cache-to: the steps of these keys that the store knows and the
  // repository does not. Several at a time.
  void publish(const std::vector<std::string>& keys) const;

 private:
  void publish(const store::StepRecord& step, const registry::Location& place) const;
  std::optional<std::string> manifest_at(const registry::Location& place) const;

  const BuildRequest& request_;
  const Services& services_;
  std::stop_token stop_;
  std::set<std::string> silent_;  // repositories that could not be asked
};

}  // namespace bld::builder
