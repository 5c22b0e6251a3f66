#include "cmd/history_flag.h"

#include <utility>

#include "cmd/options.h"

namespace bld::cmd {

void HistoryFlag::declare(FlagSet& flags) {
  flags.add_optional(
      "add-history", "", "true", [this](const std::string& text) { wanted_ = parse_bool(text); },
      "write an entry of history");
}

bool HistoryFlag::wanted() const {
  if (wanted_) return *wanted_;
  const auto variable = environment_variable("BUILDAH_HISTORY");
  return variable && parse_bool(*variable);
}

void add_history(store::Store& store, std::string_view container, std::string entry) {
  builder::edit_container(store, container, [&](builder::WorkingContainer& edited) {
    edited.history.push_back(std::move(entry));
  });
}

}  // namespace bld::cmd
