#include "dockerfile/run_mount.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "dockerfile/csv.h"

namespace bld::dockerfile {

namespace {

using Type = RunMount::Type;

constexpr std::array<std::string_view, 5> kTypes = {"bind", "cache", "tmpfs", "secret", "ssh"};

constexpr std::array<std::string_view, 43> kKeys = {
    "type",       "target",    "dst",        "destination", "source",
    "src",        "from",      "id",         "ro",          "readonly",
    "rw",         "readwrite", "sharing",    "size",        "mode",
    "uid",        "gid",       "required",   "env",         "z",
    "Z",          "U",         "relabel",    "chown",       "bind-propagation",
    "nosuid",     "suid",      "nodev",      "dev",         "noexec",
    "exec",       "private",   "rprivate",   "shared",      "rshared",
    "slave",      "rslave",    "bind",       "rbind",       "tmpfs-size",
    "tmpfs-mode", "tmpcopyup", "notmpcopyup"};

std::string_view name_of(Type type) { return kTypes.at(static_cast<std::size_t>(type)); }

bool has_variable(std::string_view text) {
  const std::size_t dollar = text.find('$');
  return dollar != std::string_view::npos && dollar + 1 < text.size();
}

std::uint64_t parse_size(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const auto number = base::parse_unsigned(text.substr(0, digits));
  std::string unit = base::to_lower(text.substr(digits));
  if (unit.ends_with('b')) unit.pop_back();
  if (unit.ends_with('i')) unit.pop_back();
  constexpr std::string_view kUnits = "kmgtp";
  unsigned shift = 0;
  bool valid = number.has_value();
  if (unit.size() == 1 && kUnits.find(unit.front()) != std::string_view::npos) {
    shift = 10 * (static_cast<unsigned>(kUnits.find(unit.front())) + 1);
  } else if (!unit.empty()) {
    valid = false;
  }
  if (!valid || *number > (std::numeric_limits<std::uint64_t>::max() >> shift)) {
    base::Error error("invalid size '{}' of a mount", base::printable(text));
    throw error.hint("write a number of bytes, or one with k, m or g");
  }
  return *number << shift;
}

unsigned parse_number(std::string_view key, std::string_view value, int radix,
                      unsigned long long most) {
  const auto number = base::parse_unsigned(value, radix);
  if (!number || *number > most) {
    throw base::Error("invalid {} '{}' of a mount", key, base::printable(value));
  }
  return static_cast<unsigned>(*number);
}

// Reads the fields one by one, then looks at the whole.
class Parser {
 public:
  // Without `expand`, values with variables are taken as they are and not looked at.
  Parser(const ExpandValue* expand, bool variables_known)
      : expand_(expand), variables_known_(variables_known) {}

  RunMount parse(std::string_view text) {
    for (const std::string& field : split_csv(text)) read_field(field);
    if (!type_unknown_) check();
    return std::move(mount_);
  }

 private:
  void read_field(std::string_view field);
  void read(std::string_view key, const std::optional<std::string>& value);
  bool read_place(std::string_view key, const std::optional<std::string>& value);
  bool read_number(std::string_view key, const std::string& value);
  bool read_option(std::string_view key, const std::optional<std::string>& value);
  void read_type(std::string_view value);
  void read_sharing(std::string_view value);
  void check();
  void check_secret();

  static bool boolean(std::string_view key, const std::optional<std::string>& value);

  const ExpandValue* expand_;
  bool variables_known_;
  RunMount mount_;
  std::optional<bool> read_only_;
  bool type_unknown_ = false;
  bool has_sharing_ = false;
  bool has_size_ = false;
  bool has_required_ = false;
  std::string_view owner_option_;
};

bool Parser::boolean(std::string_view key, const std::optional<std::string>& value) {
  if (!value) return true;
  const std::string lower = base::to_lower(*value);
  if (lower == "true" || lower == "1" || lower == "t") return true;
  if (lower == "false" || lower == "0" || lower == "f") return false;
  throw base::Error("the mount option {} is true or false, not '{}'", key, base::printable(*value));
}

void Parser::read_field(std::string_view field) {
  const std::size_t equals = field.find('=');
  const std::string_view written = field.substr(0, equals);
  const bool known_as_written = std::find(kKeys.begin(), kKeys.end(), written) != kKeys.end();
  const std::string key = known_as_written ? std::string(written) : base::to_lower(written);
  const auto known = std::find(kKeys.begin(), kKeys.end(), key);
  if (written.empty()) {
    throw base::Error("an option of the mount has no name")
        .hint("write it without blanks: --mount=type=cache,target=/cache");
  }
  if (known == kKeys.end()) {
    base::Error error("unknown mount option '{}'", base::printable(written));
    if (const auto meant = base::nearest(written, kKeys))
      error.hint("did you mean " + *meant + "?");
    throw error;
  }
  std::optional<std::string> value;
  if (equals != std::string_view::npos) value = field.substr(equals + 1);
  if (value && has_variable(*value)) {
    if (*known == "from") {
      base::Error error("from={} of a mount: variable expansion is not supported here",
                        base::printable(*value));
      throw error.hint("give the image a name with FROM … AS NAME, and use from=NAME");
    }
    if (expand_ != nullptr) {
      value = (*expand_)(*value);
    } else if (!variables_known_) {
      if (*known == "type") type_unknown_ = true;
      if (*known == "target" || *known == "dst" || *known == "destination") mount_.target = *value;
      if (*known == "id" || *known == "source" || *known == "src") mount_.id = *value;
      return;
    }
  } else if (value && expand_ != nullptr && *known != "from") {
    value = (*expand_)(*value);
  }
  read(*known, value);
}

void Parser::read(std::string_view key, const std::optional<std::string>& value) {
  if (read_option(key, value)) return;
  if (!value) throw base::Error("the mount option {} needs a value: {}=…", key, key);
  if (read_place(key, value) || read_number(key, *value)) return;
  if (key == "type") {
    read_type(*value);
  } else if (key == "sharing") {
    read_sharing(*value);
  } else if (key == "bind-propagation") {
    mount_.bind_propagation = *value;
  } else if (key == "env") {
    mount_.env = *value;
  } else if (key == "relabel") {
    if (*value != "shared" && *value != "private") {
      throw base::Error("relabel is shared or private, not '{}'", base::printable(*value));
    }
    mount_.relabel = *value;
  }
}

bool Parser::read_place(std::string_view key, const std::optional<std::string>& value) {
  if (key == "target" || key == "dst" || key == "destination") {
    mount_.target = *value;
  } else if (key == "source" || key == "src") {
    mount_.source = *value;
  } else if (key == "from") {
    mount_.from = *value;
  } else if (key == "id") {
    mount_.id = *value;
  } else {
    return false;
  }
  return true;
}

bool Parser::read_number(std::string_view key, const std::string& value) {
  constexpr unsigned long long kLastId = 0xfffffffe;
  if (key == "mode" || key == "tmpfs-mode") {
    mount_.mode = parse_number(key, value, 8, 07777);
  } else if (key == "uid") {
    mount_.uid = parse_number(key, value, 10, kLastId);
  } else if (key == "gid") {
    mount_.gid = parse_number(key, value, 10, kLastId);
  } else if (key == "size" || key == "tmpfs-size") {
    has_size_ = true;
    mount_.size_bytes = parse_size(value);
  } else {
    return false;
  }
  if (key == "mode" || key == "uid" || key == "gid") owner_option_ = key;
  return true;
}

bool Parser::read_option(std::string_view key, const std::optional<std::string>& value) {
  const auto flag = [&](std::string_view name, bool& member, bool meaning) {
    if (key == name) member = boolean(key, value) == meaning;
    return key == name;
  };
  if (key == "ro" || key == "readonly") {
    read_only_ = boolean(key, value);
  } else if (key == "rw" || key == "readwrite") {
    read_only_ = !boolean(key, value);
  } else if (key == "required") {
    has_required_ = true;
    mount_.required = boolean(key, value);
  } else if (key == "z" || key == "Z") {
    if (boolean(key, value)) mount_.relabel = key == "z" ? "shared" : "private";
  } else if (key == "private" || key == "rprivate" || key == "shared" || key == "rshared" ||
             key == "slave" || key == "rslave") {
    if (boolean(key, value)) mount_.bind_propagation = key;
  } else if (key == "bind" || key == "rbind") {
    boolean(key, value);  // mounts are always recursive
  } else {
    return flag("U", mount_.chown_to_user, true) || flag("chown", mount_.chown_to_user, true) ||
           flag("nosuid", mount_.nosuid, true) || flag("suid", mount_.nosuid, false) ||
           flag("nodev", mount_.nodev, true) || flag("dev", mount_.nodev, false) ||
           flag("noexec", mount_.noexec, true) || flag("exec", mount_.noexec, false) ||
           flag("tmpcopyup", mount_.copy_up, true) || flag("notmpcopyup", mount_.copy_up, false);
  }
  return true;
}

void Parser::read_type(std::string_view value) {
  const auto found = std::find(kTypes.begin(), kTypes.end(), base::to_lower(value));
  if (found == kTypes.end()) {
    base::Error error("unknown mount type '{}'", base::printable(value));
    const auto meant = base::nearest(value, kTypes);
    throw error.hint(meant ? "did you mean " + *meant + "?"
                           : "the types are bind, cache, tmpfs, secret and ssh");
  }
  mount_.type = static_cast<Type>(found - kTypes.begin());
}

void Parser::read_sharing(std::string_view value) {
  has_sharing_ = true;
  const std::string lower = base::to_lower(value);
  if (lower == "shared") {
    mount_.sharing = RunMount::Sharing::kShared;
  } else if (lower == "private") {
    mount_.sharing = RunMount::Sharing::kPrivate;
  } else if (lower == "locked") {
    mount_.sharing = RunMount::Sharing::kLocked;
  } else {
    throw base::Error("sharing is shared, private or locked, not '{}'", base::printable(value));
  }
}

void Parser::check() {
  const Type type = mount_.type;
  const bool credential = type == Type::kSecret || type == Type::kSsh;
  const auto refuse = [&](std::string_view option) {
    throw base::Error("a mount of type {} cannot have {}", name_of(type), option);
  };
  mount_.read_only = read_only_.value_or(type == Type::kBind);
  if (!credential && mount_.target.empty()) {
    throw base::Error("a mount of type {} needs a target", name_of(type));
  }
  if (!owner_option_.empty() && (type == Type::kBind || type == Type::kTmpfs))
    refuse(owner_option_);
  if (has_sharing_ && type != Type::kCache) refuse("sharing");
  if (has_required_ && !credential) refuse("required");
  if (has_size_ && type != Type::kTmpfs) refuse("size");
  if (mount_.env && type != Type::kSecret) refuse("env");
  if (!mount_.from.empty() && type != Type::kBind && type != Type::kCache) refuse("from");
  if (!mount_.source.empty() && type == Type::kTmpfs) refuse("source");
  if (type == Type::kSecret) check_secret();
}

void Parser::check_secret() {
  if (!mount_.source.empty()) {
    if (!mount_.id.empty() && mount_.id != mount_.source) {
      throw base::Error("a secret has an id or a source, not both");
    }
    mount_.id = std::move(mount_.source);
    mount_.source.clear();
  }
  if (mount_.id.empty() && mount_.target.empty()) {
    throw base::Error("a mount of type secret needs an id or a target");
  }
}

}  // namespace

RunMount parse_run_mount(std::string_view text) { return Parser(nullptr, true).parse(text); }

RunMount parse_run_mount(std::string_view text, const ExpandValue& expand) {
  return Parser(&expand, true).parse(text);
}

void check_run_mount(std::string_view text) { Parser(nullptr, false).parse(text); }

std::string run_mount_from(std::string_view text) {
  std::string from;
  for (const std::string& field : split_csv(text)) {
    const std::size_t equals = field.find('=');
    if (equals != std::string::npos && base::to_lower(field.substr(0, equals)) == "from") {
      from = field.substr(equals + 1);
    }
  }
  return from;
}

}  // namespace bld::dockerfile
