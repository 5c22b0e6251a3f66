// bld's own configuration: /etc/bld/bld.conf, and over it $XDG_CONFIG_HOME/bld/bld.conf
// (~/.config/bld/bld.conf). TOML; what a file does not say is as without it, and what bld does not
// know is an Error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace bld::cmd {

struct Settings {
  // [store] limit = "20G": what a build leaves in the store at most; caches go, images stay.
  std::optional<std::uint64_t> store_limit_bytes;
};

// Later files go before earlier ones; those that do not exist are left out.
Settings read_settings(const std::vector<std::filesystem::path>& files);
Settings read_settings();

}  // namespace bld::cmd
