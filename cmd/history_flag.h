// --add-history and BUILDAH_HISTORY of the commands that change a working container.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "builder/working_container.h"
#include "cmd/flags.h"

namespace bld::cmd {

class HistoryFlag {
 public:
  void declare(FlagSet& flags);
  bool wanted() const;  // the flag, else the variable

 private:
  std::optional<bool> wanted_;
};

// An entry of the next commit's history.
void add_history(store::Store& store, std::string_view container, std::string entry);

}  // namespace bld::cmd
