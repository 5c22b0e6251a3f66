#include "cmd/check_flags.h"

#include <array>

#include "base/error.h"
#include "base/text.h"

namespace bld::cmd {

using base::Error;

void CheckFlags::set_call(const std::string& text) {
  const std::vector<std::string> parts = base::split(text, ',');
  const std::string& kind = parts.front();
  if (kind == "build" || kind.empty()) {
    call = BuildCall::kBuild;
  } else if (kind == "check" || kind == "lint") {
    call = BuildCall::kCheck;
  } else if (kind == "outline") {
    call = BuildCall::kOutline;
  } else if (kind == "targets") {
    call = BuildCall::kTargets;
  } else {
    static constexpr std::array<std::string_view, 4> kKinds = {"build", "check", "outline",
                                                               "targets"};
    Error error("unknown call \"{}\": must be build, check, outline or targets", kind);
    if (const auto meant = base::nearest(kind, kKinds)) error.hint("did you mean " + *meant + "?");
    throw error;
  }
  json = false;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] == "format=json") {
      json = true;
    } else if (parts[i] != "format=text") {
      throw Error("\"{}\" is unknown in a call, which is KIND[,format=text|json]", parts[i]);
    }
  }
}

void CheckFlags::declare(FlagSet& flags) {
  flags.add_optional(
      "check", "", "true",
      [this](const std::string& text) {
        if (parse_bool(text)) call = BuildCall::kCheck;
      },
      "do not build: show what the lint rules find (--call=check)");
  flags.add(
      "call", "KIND[,format=json]", [this](const std::string& text) { set_call(text); },
      "build (default); or show: check, outline (arguments and secrets), targets");
}

}  // namespace bld::cmd
