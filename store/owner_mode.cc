#include "store/owner_mode.h"

#include "base/file_io.h"

namespace bld::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMark = "owners-are-recorded";

bool has_entries(const fs::path& directory) {
  std::error_code error;
  const fs::directory_iterator first(directory, error);
  return !error && first != fs::directory_iterator();
}

}  // namespace

std::optional<OwnerMode> owner_mode(const fs::path& root) {
  std::error_code error;
  if (fs::exists(root / kMark, error)) return OwnerMode::kRecorded;
  for (const char* name : {"trees", "containers", "cache"}) {
    if (has_entries(root / name)) return OwnerMode::kSet;
  }
  return std::nullopt;
}

void choose_recorded_owners(const fs::path& root) {
  base::write_file_atomically(root / kMark, "", 0600);
}

}  // namespace bld::store
