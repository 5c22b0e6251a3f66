#include "runtime/passwd.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"

namespace bld::runtime {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr unsigned long long kMaxId = 4294967294;  // 4294967295 is -1: "leave as it is"

using Fields = std::vector<std::string>;

// The lines of a colon-separated file; none if the image has no such file.
std::vector<Fields> read_table(const ImageFileReader& files, const char* path,
                               std::size_t field_count) {
  const std::optional<std::string> text = files(path);
  if (!text) return {};
  std::vector<Fields> result;
  for (const std::string& line : base::split(*text, '\n')) {
    Fields fields = base::split(base::trim(line), ':');
    if (fields.size() >= field_count && !fields[0].empty() && fields[0][0] != '#') {
      result.push_back(std::move(fields));
    }
  }
  return result;
}

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::uint32_t parse_id(std::string_view text, const char* what) {
  const auto value = base::parse_unsigned(text);
  if (value && *value <= kMaxId) return static_cast<std::uint32_t>(*value);
  throw base::Error("{} {} is out of range: 0 to {}", what, base::printable(text), kMaxId);
}

// An id inside a file of the image; a line with a bad one counts for nothing.
std::optional<std::uint32_t> id_field(const std::string& text) {
  const auto value = base::parse_unsigned(text);
  if (!value || *value > kMaxId) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

struct PasswdEntry {
  std::string name, home;
  std::uint32_t uid = 0, gid = 0;
};

std::optional<PasswdEntry> find_passwd(const ImageFileReader& files, std::string_view name,
                                       std::optional<std::uint32_t> uid) {
  for (const Fields& fields : read_table(files, "etc/passwd", 4)) {
    const auto entry_uid = id_field(fields[2]), entry_gid = id_field(fields[3]);
    if (!entry_uid || !entry_gid) continue;
    if (uid ? *entry_uid != *uid : fields[0] != name) continue;
    return PasswdEntry{fields[0], fields.size() > 5 ? fields[5] : "", *entry_uid, *entry_gid};
  }
  return std::nullopt;
}

// `kind` is "user" or "group".
base::Error unknown_name(const ImageFileReader& files, std::string_view kind, const char* path,
                         std::string_view name) {
  base::Error error("{} \"{}\" is not in the image's /{}", kind, base::printable(name), path);
  const std::vector<Fields> table = read_table(files, path, 3);
  std::vector<std::string_view> known;
  for (const Fields& fields : table) known.push_back(fields[0]);
  if (const auto meant = base::nearest(name, known)) {
    return error.hint("did you mean " + base::printable(*meant) + "?");
  }
  return error.hint(table.empty()
                        ? fmt::format("the image has no /{}; a number needs none", path)
                        : fmt::format("add the {} in a RUN before, or use a number", kind));
}

std::uint32_t find_group(const ImageFileReader& files, std::string_view group) {
  if (is_number(group)) return parse_id(group, "group id");
  for (const Fields& fields : read_table(files, "etc/group", 3)) {
    const auto gid = id_field(fields[2]);
    if (gid && fields[0] == group) return *gid;
  }
  throw unknown_name(files, "group", "etc/group", group);
}

std::vector<gid_t> groups_of(const ImageFileReader& files, const std::string& user) {
  std::vector<gid_t> result;
  for (const Fields& fields : read_table(files, "etc/group", 4)) {
    const auto gid = id_field(fields[2]);
    const std::vector<std::string> members = base::split(fields[3], ',');
    if (!gid || std::find(members.begin(), members.end(), user) == members.end()) continue;
    if (std::find(result.begin(), result.end(), *gid) == result.end()) result.push_back(*gid);
  }
  return result;
}

struct Parts {
  std::string_view user;
  std::optional<std::string_view> group;
};

Parts split_spec(std::string_view spec) {
  const std::size_t colon = spec.find(':');
  if (colon == std::string_view::npos) return {spec, std::nullopt};
  const std::string_view group = spec.substr(colon + 1);
  if (group.empty()) return {spec.substr(0, colon), std::nullopt};
  return {spec.substr(0, colon), group};
}

// The user by name or number; a name must be known.
struct FoundUser {
  std::uint32_t uid = 0;
  std::optional<PasswdEntry> entry;
};

FoundUser find_user(const ImageFileReader& files, std::string_view user) {
  FoundUser found;
  if (user.empty()) user = "0";
  if (is_number(user)) {
    found.uid = parse_id(user, "user id");
    found.entry = find_passwd(files, "", found.uid);
    return found;
  }
  found.entry = find_passwd(files, user, std::nullopt);
  if (!found.entry && user == "root") return found;  // 0 in any image
  if (!found.entry) throw unknown_name(files, "user", "etc/passwd", user);
  found.uid = found.entry->uid;
  return found;
}

}  // namespace

ImageFileReader files_below(const base::RootedDir& root) {
  return [&root](const std::string& path) -> std::optional<std::string> {
    if (!root.stat(path)) return std::nullopt;
    return base::read_fd(root.open_regular(path).get(), kMaxFileBytes);
  };
}

ResolvedUser resolve_user(const base::RootedDir& root, std::string_view user_spec) {
  return resolve_user(files_below(root), user_spec);
}

Owner resolve_owner(const base::RootedDir& root, std::string_view owner_spec) {
  return resolve_owner(files_below(root), owner_spec);
}

ResolvedUser resolve_user(const ImageFileReader& files, std::string_view user_spec) {
  const Parts parts = split_spec(user_spec);
  const FoundUser found = find_user(files, parts.user);
  ResolvedUser result;
  result.user.uid = found.uid;
  result.home = "/";
  if (found.entry) {
    result.name = found.entry->name;
    if (!found.entry->home.empty()) result.home = found.entry->home;
  }
  if (parts.group) {
    result.user.gid = find_group(files, *parts.group);
  } else if (found.entry) {
    result.user.gid = found.entry->gid;
    result.user.groups = groups_of(files, found.entry->name);
  }
  return result;
}

Owner resolve_owner(const ImageFileReader& files, std::string_view owner_spec) {
  const Parts parts = split_spec(owner_spec);
  Owner owner;
  if (is_number(parts.user)) {
    owner.uid = owner.gid = parse_id(parts.user, "user id");
  } else {
    const FoundUser found = find_user(files, parts.user);
    owner = {found.uid, found.entry ? found.entry->gid : 0};
  }
  if (parts.group) owner.gid = find_group(files, *parts.group);
  return owner;
}

}  // namespace bld::runtime
