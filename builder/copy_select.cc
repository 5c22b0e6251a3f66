#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/text.h"
#include "builder/copy_digest.h"
#include "builder/copy_selection.h"
#include "builder/layer_xattrs.h"
#include "builder/resolve_links.h"
#include "layers/archive.h"

namespace bld::builder {

namespace {

using Item = Selection::Item;

// A source as it is written, taken apart.
struct SourcePattern {
  std::string written;
  std::vector<std::string> components;
  std::size_t pivot = 0;  // --parents keeps the folders from this component on
};

// ".." is worked out as text and stops at the top. With --parents the first "/./" is the mark.
SourcePattern take_apart(const std::string& source, bool parents) {
  SourcePattern pattern;
  pattern.written = source;
  const auto clean = [](std::string_view text) {
    std::vector<std::string> components;
    const std::string path = base::clean_absolute(text);
    for (const std::string_view name : base::path_components(path)) components.emplace_back(name);
    return components;
  };
  const std::size_t mark = parents ? source.find("/./") : std::string::npos;
  if (mark == std::string::npos) {
    pattern.components = clean(source);
    return pattern;
  }
  pattern.components = clean(std::string_view(source).substr(0, mark));
  pattern.pivot = pattern.components.size();
  for (std::string& name : clean(std::string_view(source).substr(mark + 3))) {
    pattern.components.push_back(std::move(name));
  }
  return pattern;
}

std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

// One name that a source stands for, with the links in it as they are.
struct Match {
  std::string path;
  std::optional<std::size_t> pivot;  // the length of the part that --parents does not keep
  bool by_pattern = false;

  std::string dropped() const { return path.substr(0, *pivot); }

  std::string kept() const {
    return path.substr(std::min(path.size(), *pivot == 0 ? 0 : *pivot + 1));
  }

  bool operator<(const Match& other) const { return layers::compare_paths(path, other.path) < 0; }
};

class Selector {
 public:
  Selector(const CopyOperation& operation, const SourceRoot& sources)
      : operation_(operation), sources_(sources) {
    if (!operation.excludes.empty()) {
      excludes_ = dockerfile::IgnoreFile::from_patterns(operation.excludes);
    }
  }

  std::vector<std::shared_ptr<const Item>> run() && {
    if (!operation_.checksum.empty() && !is_single_remote()) {
      throw base::Error("--checksum needs one source, a URL or a git repository");
    }
    const auto& places = operation_.places.sources;
    for (std::size_t i = 0; i < operation_.sources.size(); ++i) {
      base::with_position(i < places.size() ? std::optional(places[i]) : std::nullopt,
                          [&] { add(operation_.sources[i]); });
    }
    return std::move(items_);
  }

 private:
  void add(const std::variant<std::string, InlineFile>& source) {
    if (const auto* inline_file = std::get_if<InlineFile>(&source)) {
      add_inline(*inline_file);
    } else if (is_remote(operation_, std::get<std::string>(source))) {
      add_fetched(std::get<std::string>(source));
    } else {
      add_local(std::get<std::string>(source));
    }
  }

  bool is_single_remote() const {
    if (operation_.sources.size() != 1) return false;
    const auto* source = std::get_if<std::string>(&operation_.sources.front());
    return source != nullptr && is_remote(operation_, *source);
  }

  void add_inline(const InlineFile& file) {
    auto item = std::make_shared<Item>();
    item->kind = Item::Kind::kInline;
    item->name = file.name;
    item->content = file.content;
    items_.push_back(std::move(item));
  }

  void add_fetched(const std::string& source) {
    if (next_fetched_ >= sources_.fetched.size()) {
      throw base::Error("{} was not fetched", base::printable(source));
    }
    const FetchedSource& fetched = sources_.fetched[next_fetched_++];
    auto item = std::make_shared<Item>();
    item->root = fetched.root;
    item->base = fetched.path;
    item->name = fetched.name;
    const auto status = fetched.root->lstat(fetched.path);
    if (!status) throw base::Error("{} was not fetched", base::printable(source));
    if (S_ISDIR(status->st_mode)) {
      item->kind = Item::Kind::kFolder;
      item->files = walk_folder(*item->root, item->base, {.exclude = excludes()});
    } else {
      item->files.push_back({"", *status, "", {}});
      if (operation_.unpack.value_or(false)) require_archive(*item, source);
    }
    items_.push_back(std::move(item));
  }

  // ── sources in a context or stage ────────────────────────────────────────────────────────────

  void add_local(const std::string& source) {
    if (sources_.root == nullptr) throw not_found(source);
    const SourcePattern pattern = take_apart(source, operation_.parents);
    std::vector<Match> matches;
    expand(pattern, 0, {}, matches);
    std::sort(matches.begin(), matches.end());
    const std::size_t before = items_.size();
    std::string last = "/";
    for (const Match& match : matches) {
      if (match.path != std::exchange(last, match.path)) add_match(pattern, match);
    }
    if (sources_.no_match == NoMatch::kNothing || items_.size() > before) return;
    if (matches.empty() || excludes() == nullptr) throw not_found(source);
    throw missing(base::clean_absolute(source)).hint("it is excluded");
  }

  // Extends `match`, which stands for the components before `index`, by those from it on.
  void expand(const SourcePattern& pattern, std::size_t index, Match match,
              std::vector<Match>& out) const {
    if (index == pattern.pivot && !match.pivot) match.pivot = match.path.size();
    if (index == pattern.components.size()) {
      out.push_back(std::move(match));
      return;
    }
    const std::string& component = pattern.components[index];
    const auto extend = [&](const std::string& name, std::size_t next) {
      Match longer = match;
      longer.path = join_paths(match.path, name);
      expand(pattern, next, std::move(longer), out);
    };
    if (!dockerfile::has_wildcard(component)) {
      extend(component, index + 1);
      return;
    }
    match.by_pattern = true;
    if (operation_.parents && component == "**") {
      expand(pattern, index + 1, match, out);
      if (index + 1 < pattern.components.size()) {
        for (const std::string& name : folders_in(match.path)) extend(name, index);
      }
      return;
    }
    const dockerfile::Pattern names(component);
    for (const std::string& name : names_in(match.path)) {
      if (names.matches(name)) extend(name, index + 1);
    }
  }

  std::vector<std::string> names_in(const std::string& path) const {
    const ResolvedPath folder = resolve_links(*sources_.root, path);
    if (!folder.status || !S_ISDIR(folder.status->st_mode) || hidden_entirely(folder.path))
      return {};
    return sources_.root->open_dir(folder.path, base::Resolve::kInRootNoLinks).names();
  }

  // For "**", which goes through real folders only: links could lead in circles.
  std::vector<std::string> folders_in(const std::string& path) const {
    std::vector<std::string> folders = names_in(path);
    std::erase_if(folders, [&](const std::string& name) {
      const auto status = sources_.root->lstat(join_paths(path, name));
      return !status || !S_ISDIR(status->st_mode);
    });
    return folders;
  }

  void add_match(const SourcePattern& pattern, const Match& match) {
    ResolvedPath found = resolve(pattern, match);
    if (!found.status) {
      if (match.by_pattern) return;
      throw not_found(pattern.written);
    }
    const bool is_folder = S_ISDIR(found.status->st_mode);
    if (hidden(match.path, is_folder) || hidden(found.path, is_folder)) {
      if (match.by_pattern) return;
      throw hidden_error(pattern.written, hidden(match.path, is_folder) ? match.path : found.path);
    }
    if (excluded(match, is_folder)) return;

    auto item = std::make_shared<Item>();
    item->root = std::shared_ptr<const base::RootedDir>(std::shared_ptr<void>(), sources_.root);
    item->owners = sources_.owners;
    item->base = found.path;
    item->name = base::split_path(match.path).name;
    if (operation_.parents) keep_folders(*item, match, is_folder);
    if (is_folder) {
      item->kind = Item::Kind::kFolder;
      item->files = walk_folder(
          *item->root, item->base,
          {.ignore = sources_.ignore, .exclude = excludes(), .exclude_prefix = item->prefix});
      if (item->files.empty() && ignored(found.path)) {
        if (match.by_pattern) return;
        throw hidden_error(pattern.written, found.path);
      }
    } else {
      add_file(*item, match, *found.status);
    }
    items_.push_back(std::move(item));
  }

  ResolvedPath resolve(const SourcePattern& pattern, const Match& match) const {
    // What a pattern with --parents matches is taken as what is in a folder is: links stay.
    if (operation_.parents && match.by_pattern) {
      const auto [parent, name] = base::split_path(match.path);
      ResolvedPath found = resolve_links(*sources_.root, parent);
      found.path = join_paths(found.path, name);
      if (found.status) found.status = sources_.root->lstat(found.path);
      return found;
    }
    ResolvedPath found = resolve_links(*sources_.root, match.path);
    if (!found.status && sources_.root->lstat(match.path)) {
      throw base::Error("\"/{}\": the link leads to \"/{}\", which is not there",
                        base::printable(match.path), base::printable(found.path));
    }
    if (!found.status && pattern.written.find('\\') != std::string::npos && !match.by_pattern) {
      found = resolve_links(*sources_.root, without_escapes(match.path));
    }
    return found;
  }

  void add_file(Item& item, const Match& match, const struct stat& status) const {
    if (S_ISSOCK(status.st_mode) || (S_ISCHR(status.st_mode) && status.st_rdev == 0)) {
      throw base::Error("\"/{}\" is a socket or no file at all and cannot be copied",
                        base::printable(match.path));
    }
    SourceFile file{"", status, "", {}};
    if (S_ISLNK(status.st_mode)) {
      const auto [parent, name] = base::split_path(item.base);
      const base::RootedDir folder = sources_.root->open_dir(parent, base::Resolve::kInRootNoLinks);
      file.link = folder.read_link(name);
    }
    item.files.push_back(std::move(file));
    if (operation_.kind != CopyKind::kAdd || !S_ISREG(status.st_mode)) return;
    if (operation_.unpack.has_value()) {
      if (*operation_.unpack) require_archive(item, match.path);
    } else if (looks_like_archive(item)) {
      item.kind = Item::Kind::kArchive;
    }
  }

  // ── archives ─────────────────────────────────────────────────────────────────────────────────

  static bool looks_like_archive(const Item& item) {
    const base::UniqueFd fd = item.root->open_regular(item.base, base::Resolve::kInRootNoLinks);
    return layers::is_archive(fd.get());
  }

  static void require_archive(Item& item, const std::string& shown) {
    if (!looks_like_archive(item)) {
      throw base::Error("--unpack: {} is no archive that can be unpacked", base::printable(shown));
    }
    item.kind = Item::Kind::kArchive;
  }

  // ── --parents ────────────────────────────────────────────────────────────────────────────────

  void keep_folders(Item& item, const Match& match, bool is_folder) const {
    item.prefix = is_folder ? match.kept() : base::split_path(match.kept()).parent;
    std::string path;
    for (const std::string_view name : base::path_components(item.prefix)) {
      path = join_paths(path, name);
      const std::string written = join_paths(match.dropped(), path);
      const base::RootedDir folder = sources_.root->open_dir(written);
      SourceFile file{path, {}, "", layer_xattrs(folder.fd())};
      if (::fstat(folder.fd(), &file.status) != 0) {
        throw base::Error::sys("fstat", base::printable(written));
      }
      base::amend_fd(folder.fd(), file.status);
      item.kept_folders.push_back(std::move(file));
    }
  }

  // ── what is left out ─────────────────────────────────────────────────────────────────────────

  const dockerfile::IgnoreFile* excludes() const { return excludes_ ? &*excludes_ : nullptr; }

  bool ignored(const std::string& path) const {
    return sources_.ignore != nullptr && !path.empty() && sources_.ignore->ignored(path);
  }

  bool hidden_entirely(const std::string& folder) const {
    return ignored(folder) && !sources_.ignore->may_have_exceptions_below(folder);
  }

  // A folder may have something in it that is brought back: the walk finds out.
  bool hidden(const std::string& path, bool is_folder) const {
    return is_folder ? hidden_entirely(path) : ignored(path);
  }

  // A source that is named itself, not found in a folder: its name or its whole path counts.
  bool excluded(const Match& match, bool is_folder) const {
    if (!excludes_ || match.path.empty()) return false;
    if (is_folder && !match.by_pattern) return false;
    if (operation_.parents) return excludes_->ignored(match.kept());
    return excludes_->ignored(match.path) || excludes_->ignored(base::split_path(match.path).name);
  }

  // A Containerfile's source is missing in BuildKit's words, a script's in Buildah's.
  base::Error missing(const std::string& path) const {
    return base::Error(
        "\"{}\": {}", base::printable(path),
        sources_.no_match == NoMatch::kError ? "no such file or directory" : "not found");
  }

  base::Error hidden_error(const std::string& source, const std::string& path) const {
    base::Error error = missing(base::clean_absolute(source));
    const std::string reason = sources_.ignore->reason(path);
    return error.hint(reason.empty() ? "the ignore file hides it" : "it is hidden by " + reason);
  }

  base::Error not_found(const std::string& source) const {
    const std::string path = base::clean_absolute(source);
    base::Error error = missing(path);
    if (sources_.root == nullptr) return error;
    if (source.find("://") != std::string::npos) {
      error.hint(operation_.kind == CopyKind::kCopy
                     ? "COPY takes files of the build context: ADD fetches what is elsewhere"
                     : "ADD fetches http, https, git and ssh addresses");
    } else if (has_comment()) {
      error.hint("a comment has a line of its own: here # is a source");
    } else if (source == ".." || source.starts_with("../")) {
      error.hint("\"..\" does not lead out of the build context");
    } else if (const auto meant = similar_path(path)) {
      error.hint("did you mean " + base::printable(*meant) + "?");
    }
    return error;
  }

  bool has_comment() const {
    return std::any_of(operation_.sources.begin(), operation_.sources.end(),
                       [](const auto& source) {
                         const auto* text = std::get_if<std::string>(&source);
                         return text != nullptr && *text == "#";
                       });
  }

  // The path with its first component that is not there replaced by one that is.
  std::optional<std::string> similar_path(const std::string& path) const {
    std::string folder;
    std::string rest(base::clean_absolute(path).substr(1));
    while (!rest.empty()) {
      const std::size_t slash = std::min(rest.find('/'), rest.size());
      const std::string name = rest.substr(0, slash);
      rest.erase(0, slash);
      const std::string whole = join_paths(folder, name);
      if (sources_.root->find_dir(whole)) {
        folder = whole;
        rest.erase(0, 1);
        continue;
      }
      std::vector<std::string> names = names_in(folder);
      std::erase_if(names, [&](const std::string& n) { return ignored(join_paths(folder, n)); });
      const std::vector<std::string_view> candidates(names.begin(), names.end());
      const auto similar = base::nearest(name, candidates);
      if (!similar) return std::nullopt;
      const std::string meant = join_paths(folder, *similar);
      return sources_.root->stat(meant + rest) ? meant + rest : meant;
    }
    return std::nullopt;
  }

  const CopyOperation& operation_;
  const SourceRoot& sources_;
  std::optional<dockerfile::IgnoreFile> excludes_;
  std::size_t next_fetched_ = 0;
  std::vector<std::shared_ptr<const Item>> items_;
};

}  // namespace

std::string literal_pattern(std::string_view path) {
  std::string text;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

std::string Selection::Item::path_of(const SourceFile& file) const {
  return join_paths(base, file.path);
}

Selection select(const CopyOperation& operation, const SourceRoot& sources) {
  Selection selection;
  selection.items_ = Selector(operation, sources).run();
  selection.digest_ = digest_of(selection.items_, sources);
  return selection;
}

}  // namespace bld::builder
