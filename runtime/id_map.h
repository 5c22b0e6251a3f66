// Which ids of this machine the user may use, and how a user namespace maps them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bld::runtime {

// `count` ids from `container` on inside the namespace are those from `host` on outside.
struct IdMap {
  std::uint32_t container = 0;
  std::uint32_t host = 0;
  std::uint32_t count = 0;
  auto operator<=>(const IdMap&) const = default;
};

// Lines "name-or-uid:first:count" of subuid(5) that belong to the user, in the file's order, as
// maps whose `container` is still 0. Lines that say something else are passed over.
std::vector<IdMap> parse_subordinate_ids(std::string_view text, std::string_view user_name,
                                         uid_t uid);

// The map of a namespace: the caller's own id as 0, then the subordinate ranges from 1 on.
std::vector<IdMap> container_map(std::uint32_t own_id, const std::vector<IdMap>& subordinate);

// The map in force for this process: /proc/self/uid_map, /proc/self/gid_map.
std::vector<IdMap> current_uid_map();
std::vector<IdMap> current_gid_map();

// Whether this process is in a user namespace that maps ids: ours, or one of somebody around us.
bool is_user_namespace();

// Whether `id` of the namespace stands for an id outside.
bool is_mapped(const std::vector<IdMap>& map, std::uint32_t id);

}  // namespace bld::runtime
