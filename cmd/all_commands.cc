#include "cmd/all_commands.h"

namespace bld::cmd {

const std::vector<CommandEntry>& commands() {
  constexpr auto kAnywhere = FlagPlacement::kAnywhere;
  constexpr auto kBefore = FlagPlacement::kBeforeArguments;
  static const std::vector<CommandEntry> all{
      {{"check"}, "", "Verify everything in the store", Needs::kNamespaces, kAnywhere, make_check},
      {{"containers", "list", "ls", "ps"},
       "",
       "List working containers",
       Needs::kStore,
       kAnywhere,
       make_containers},
      {{"images"}, "[NAME]", "List images", Needs::kStore, kAnywhere, make_images},
      {{"info"}, "", "Show facts about host and store", Needs::kStore, kAnywhere, make_info},
      {{"inspect"},
       "NAME",
       "Show the configuration of an image or container",
       Needs::kStore,
       kAnywhere,
       make_inspect},
      {{"prune"}, "", "Remove what nothing uses", Needs::kNamespaces, kAnywhere, make_prune},
      {{"rm", "delete"},
       "CONTAINER...",
       "Remove working containers",
       Needs::kNamespaces,
       kAnywhere,
       make_rm},
      {{"rmi"}, "IMAGE...", "Remove images", Needs::kNamespaces, kAnywhere, make_rmi},
      {{"tag"}, "IMAGE NAME...", "Give an image another name", Needs::kStore, kAnywhere, make_tag},
      {{"unshare"},
       "[COMMAND...]",
       "Run a command in the namespaces that bld works in",
       Needs::kNothing,
       kBefore,
       make_unshare},
      {{"version"}, "", "Show the version", Needs::kNothing, kAnywhere, make_version},
  };
  return all;
}

}  // namespace bld::cmd
