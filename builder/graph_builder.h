// Collects steps; equal ones become one.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "builder/step.h"

namespace bld::builder {

class GraphBuilder {
 public:
  NodeId base(std::vector<image::DiffId> layers);
  NodeId add(Step step);

  Graph finish() && { return std::move(graph_); }

 private:
  Graph graph_;
  std::map<std::pair<std::string, std::vector<NodeId>>, NodeId> known_;  // by normal form, inputs
};

}  // namespace bld::builder
