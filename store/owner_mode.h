// Whether the files of a store's trees have their owners, or a record of them: it cannot change
// later, since what other ids own cannot be read with one id mapped.
#pragma once

#include <filesystem>
#include <optional>

namespace bld::store {

enum class OwnerMode {
  kSet,       // the files are theirs
  kRecorded,  // the files are the caller's: base/owner_record.h
};

// Nothing while there is no tree that could tell, or no store.
std::optional<OwnerMode> owner_mode(const std::filesystem::path& root);

// The store, which has no trees yet, is one of recorded owners from now on.
void choose_recorded_owners(const std::filesystem::path& root);

}  // namespace bld::store
