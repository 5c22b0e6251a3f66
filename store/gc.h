// What may go. Private to this folder.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "store/records.h"
#include "store/state.h"

namespace bld::store {

// Objects that something just stopped pointing to.
struct Candidates {
  std::set<std::string> blobs;   // digests
  std::set<std::string> layers;  // diffIDs
};

// Removes, row and file, those candidates that nothing reaches. `session` is a write session whose
// caller holds gc.lock; files move away only after its commit: see Removal::carry_out.
struct Removal {
  std::vector<std::string> blobs, trees, layers;
  GcResult result;
};

Removal remove_rows(Session& session, const Candidates& candidates,
                    const std::set<std::string, std::less<>>& pins);
// After the commit, still under gc.lock.
void move_away(StoreState& state, const Removal& removal);

// Removes files of `pins` ("blob …", "tree …", "container …") to which no row points and which no
// live lease but `own_id` pins.
void remove_orphans(StoreState& state, std::span<const std::string> pins, std::string_view own_id);

}  // namespace bld::store
