#include "runtime/id_map.h"

#include <algorithm>
#include <limits>
#include <sstream>

#include "base/file_io.h"
#include "base/text.h"

namespace bld::runtime {
namespace {

std::vector<IdMap> read_map(const char* path) {
  std::istringstream text(base::read_file(path, 1 << 20));
  std::vector<IdMap> result;
  for (IdMap line; text >> line.container >> line.host >> line.count;) result.push_back(line);
  return result;
}

}  // namespace

std::vector<IdMap> parse_subordinate_ids(std::string_view text, std::string_view user_name,
                                         uid_t uid) {
  const std::string uid_text = std::to_string(uid);
  constexpr unsigned long long kMaxId = std::numeric_limits<std::uint32_t>::max();
  std::vector<IdMap> result;
  for (const std::string& line : base::split(text, '\n')) {
    const std::vector<std::string> fields = base::split(base::trim(line), ':');
    if (fields.size() != 3) continue;
    const bool ours = (!user_name.empty() && fields[0] == user_name) || fields[0] == uid_text;
    const auto first = base::parse_unsigned(fields[1]);
    const auto count = base::parse_unsigned(fields[2]);
    if (!ours || !first || !count || *count == 0 || *first >= kMaxId || *count > kMaxId - *first) {
      continue;
    }
    result.push_back({0, static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*count)});
  }
  return result;
}

std::vector<IdMap> container_map(std::uint32_t own_id, const std::vector<IdMap>& subordinate) {
  std::vector<IdMap> result{{0, own_id, 1}};
  std::uint64_t next = 1;
  for (const IdMap& range : subordinate) {
    if (next + range.count > std::numeric_limits<std::uint32_t>::max()) break;
    // The kernel refuses a map in which ranges overlap outside: the same line twice, for example.
    const bool overlaps = std::any_of(result.begin(), result.end(), [&](const IdMap& other) {
      return range.host < std::uint64_t{other.host} + other.count &&
             other.host < std::uint64_t{range.host} + range.count;
    });
    if (overlaps) continue;
    result.push_back({static_cast<std::uint32_t>(next), range.host, range.count});
    next += range.count;
  }
  return result;
}

std::vector<IdMap> current_uid_map() { return read_map("/proc/self/uid_map"); }

std::vector<IdMap> current_gid_map() { return read_map("/proc/self/gid_map"); }

bool is_user_namespace() {
  return current_uid_map() != std::vector<IdMap>{{0, 0, std::numeric_limits<std::uint32_t>::max()}};
}

bool is_mapped(const std::vector<IdMap>& map, std::uint32_t id) {
  return std::any_of(map.begin(), map.end(), [id](const IdMap& range) {
    return id >= range.container && id - range.container < range.count;
  });
}

}  // namespace bld::runtime
