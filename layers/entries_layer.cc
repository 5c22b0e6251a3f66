#include "layers/entries_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "layers/background.h"
#include "layers/dir_stack.h"
#include "layers/file_writer.h"
#include "layers/tar_writer.h"
#include "layers/tree_walk.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;
using Entries = std::span<const SourcedEntry>;
// By path, those that hard links are names of.
using LinkTargets = std::unordered_map<std::string_view, const FileEntry*>;

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_inside(std::string_view path, std::string_view directory) {
  return directory.empty() || (path.size() > directory.size() && path.starts_with(directory) &&
                               path[directory.size()] == '/');
}

void check_name(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos) {
    throw Error("not the name of a file");
  }
}

void check_kind(const FileEntry& entry, const LinkTargets& targets) {
  switch (entry.type) {
    case Type::kCharDevice:
    case Type::kBlockDevice:
      throw Error("devices are not copied");
    case Type::kHardLink: {
      const auto target = targets.find(entry.link);
      if (target == targets.end() || target->second == nullptr) {
        throw Error("a hard link to {}, which does not come before it",
                    base::printable(entry.link));
      }
      break;
    }
    default:
      break;
  }
}

// The order and completeness that both faces rely on.
LinkTargets check_list(Entries entries) {
  LinkTargets targets;
  for (const auto& [entry, content] : entries) {
    if (entry.type == Type::kHardLink) targets.emplace(entry.link, nullptr);
  }
  std::vector<std::string_view> directories;  // from the root to where the list is
  const FileEntry* previous = nullptr;
  for (const auto& [entry, content] : entries) {
    try {
      if (previous != nullptr && !tree_order(*previous, entry)) {
        throw Error("out of order after {}", base::printable(previous->path));
      }
      previous = &entry;
      if (entry.path.empty()) {
        if (entry.type != Type::kDirectory) throw Error("the root is not a directory");
        continue;
      }
      check_name(name_of(entry.path));
      while (!directories.empty() && !is_inside(entry.path, directories.back())) {
        directories.pop_back();
      }
      const std::string_view parent = directories.empty() ? "" : directories.back();
      if (parent_of(entry.path) != parent) throw Error("the directory above it is not listed");
      check_kind(entry, targets);
      if (entry.type == Type::kDirectory) {
        directories.emplace_back(entry.path);
      } else if (const auto target = targets.find(entry.path); target != targets.end() &&
                                                               entry.type != Type::kHardLink &&
                                                               entry.type != Type::kWhiteout) {
        target->second = &entry;
      }
    } catch (Error& error) {
      error.add_context(base::printable(entry.path));
      throw;
    }
  }
  return targets;
}

// The file of an opener, checked to be what was listed.
struct OpenContent {
  base::UniqueFd fd;
  bool sparse = false;
};

OpenContent open_content(const ContentOpener& open, const FileEntry& entry) {
  OpenContent content{open(), false};
  struct stat status;
  if (::fstat(content.fd.get(), &status) != 0) throw Error::sys("fstat", "");
  if (!S_ISREG(status.st_mode)) throw Error("not a regular file");
  if (static_cast<std::uint64_t>(status.st_size) != entry.size) {
    throw Error("changed while it was read: it had {} bytes, now it has {}", entry.size,
                status.st_size);
  }
  content.sparse = status.st_blocks * 512 < status.st_size;
  return content;
}

void check_text_size(std::size_t size, const FileEntry& entry) {
  if (size != entry.size) throw Error("listed with {} bytes, but it has {}", entry.size, size);
}

class ListedTar {
 public:
  explicit ListedTar(base::ByteSink& sink) : tar_(sink) {}

  void add(const SourcedEntry& sourced, const LinkTargets& targets) {
    const FileEntry& entry = sourced.entry;
    if (entry.type == Type::kHardLink) {
      // A file has one look, whatever its names say.
      FileEntry link = *targets.at(entry.link);
      link.path = entry.path;
      link.link = entry.link;
      link.type = Type::kHardLink;
      link.size = 0;
      tar_.add(link, nullptr);
    } else if (entry.type != Type::kFile) {
      tar_.add(entry, nullptr);
    } else if (const auto* open = std::get_if<ContentOpener>(&sourced.content)) {
      const OpenContent file = open_content(*open, entry);
      FileContent content(file.fd.get(), entry.size, file.sparse);
      tar_.add(entry, &content);
    } else {
      const auto* text = std::get_if<std::string>(&sourced.content);
      check_text_size(text == nullptr ? 0 : text->size(), entry);
      base::MemorySource content(text == nullptr ? std::string_view() : *text);
      tar_.add(entry, &content);
    }
  }

  TarWriter& tar() { return tar_; }

 private:
  TarWriter tar_;
};

// ── as a tree ──

base::UniqueFd open_directory(int root, std::string_view path) {
  base::UniqueFd fd(open_beneath(root, std::string(path), O_RDONLY | O_DIRECTORY));
  if (!fd) throw Error::sys("open", base::printable(path));
  return fd;
}

// What is there already in the directory that a list is written to.
enum class Existing { kNothing, kReplaced };

void write_one(int directory, const SourcedEntry& sourced, Existing existing) {
  const FileEntry& entry = sourced.entry;
  const std::string name(name_of(entry.path));
  if (existing == Existing::kReplaced) remove_name(directory, name);
  if (entry.type != Type::kFile) {
    if (!create_special(directory, name, entry)) throw Error("exists already");
    return;
  }
  const base::UniqueFd to = create_file(directory, name, entry);
  if (!to) throw Error::sys("create", "");
  struct stat status;
  if (::fstat(to.get(), &status) != 0) throw Error::sys("fstat", "");
  if (const auto* open = std::get_if<ContentOpener>(&sourced.content)) {
    const OpenContent from = open_content(*open, entry);
    if (entry.size > 0 && base::copy_contents(from.fd.get(), to.get()) != entry.size) {
      throw Error("changed while it was read");
    }
  } else if (const auto* text = std::get_if<std::string>(&sourced.content)) {
    check_text_size(text->size(), entry);
    base::write_all(to.get(), base::as_bytes(*text));
  } else {
    check_text_size(0, entry);
  }
  set_metadata(to.get(), status, entry);
}

// The files of one directory, which one thread makes.
struct Run {
  std::string_view directory;
  std::vector<const SourcedEntry*> files;
};

void write_run(int root, const Run& run, Existing existing) {
  const base::UniqueFd directory = open_directory(root, run.directory);
  for (const SourcedEntry* file : run.files) {
    try {
      write_one(directory.get(), *file, existing);
    } catch (Error& error) {
      error.add_context(base::printable(file->entry.path));
      throw;
    }
  }
}

// Each directory once, since its files may be listed in pieces around its subdirectories.
std::vector<Run> runs_of(Entries entries) {
  std::vector<Run> runs;
  std::unordered_map<std::string_view, std::size_t> index;
  for (const SourcedEntry& sourced : entries) {
    const FileEntry& entry = sourced.entry;
    if (entry.type == Type::kDirectory || entry.type == Type::kHardLink) continue;
    const std::string_view parent = parent_of(entry.path);
    const auto [known, is_new] = index.try_emplace(parent, runs.size());
    if (is_new) runs.push_back({parent, {}});
    runs[known->second].files.push_back(&sourced);
  }
  return runs;
}

void write_runs(int root, const std::vector<Run>& runs, unsigned threads, Existing existing) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size(); i = next++) {
      try {
        write_run(root, runs[i], existing);
      } catch (...) {
        next = runs.size();  // the others end soon, too
        throw;
      }
    }
  };
  const auto wanted = std::min<std::size_t>(std::max(1U, threads), runs.size());
  if (wanted <= 1) {
    work();
    return;
  }
  base::ThreadPool pool(static_cast<unsigned>(wanted));
  std::vector<std::future<void>> done;
  for (std::size_t i = 0; i < wanted; ++i) done.push_back(pool.submit(work));
  for (std::future<void>& one : done) one.get();
}

void make_directory(int parent, const std::string& name, Existing existing) {
  struct stat status;
  if (existing == Existing::kReplaced && stat_name(parent, name, status)) {
    if (S_ISDIR(status.st_mode)) return;
    remove_name(parent, name);
  }
  if (::mkdirat(parent, name.c_str(), 0700) != 0) throw Error::sys("mkdir", base::printable(name));
}

void make_directories(int root, Entries entries, Existing existing) {
  base::UniqueFd parent;
  std::optional<std::string_view> parent_path;
  for (const auto& [entry, content] : entries) {
    if (entry.type != Type::kDirectory || entry.path.empty()) continue;
    if (parent_path != parent_of(entry.path)) {
      parent_path = parent_of(entry.path);
      parent = open_directory(root, *parent_path);
    }
    make_directory(parent.get(), std::string(name_of(entry.path)), existing);
  }
}

void make_hard_links(int root, Entries entries, Existing existing) {
  for (const auto& [entry, content] : entries) {
    if (entry.type != Type::kHardLink) continue;
    const base::UniqueFd from = open_directory(root, parent_of(entry.link));
    const base::UniqueFd to = open_directory(root, parent_of(entry.path));
    const std::string name(name_of(entry.path));
    if (existing == Existing::kReplaced) remove_name(to.get(), name);
    if (::linkat(from.get(), std::string(name_of(entry.link)).c_str(), to.get(), name.c_str(), 0) !=
        0) {
      throw Error::sys("link", base::printable(entry.path));
    }
  }
}

// From the end, so that nothing changes in a directory after it got its time.
void finish_directories(int root, Entries entries, Existing existing) {
  for (auto at = entries.rbegin(); at != entries.rend(); ++at) {
    if (at->entry.type != Type::kDirectory) continue;
    const base::UniqueFd directory = open_directory(root, at->entry.path);
    if (at->entry.opaque && existing == Existing::kNothing) make_opaque(directory.get());
    set_metadata(directory.get(), at->entry);
  }
}

void write_entries(Entries entries, const base::RootedDir& target, unsigned threads,
                   Existing existing) {
  check_list(entries);
  make_directories(target.fd(), entries, existing);
  write_runs(target.fd(), runs_of(entries), threads == 0 ? base::usable_processors() : threads,
             existing);
  make_hard_links(target.fd(), entries, existing);
  finish_directories(target.fd(), entries, existing);
}

}  // namespace

SealedLayer write_entries_as_tar(Entries entries, base::ByteSink* sink) {
  const LinkTargets targets = check_list(entries);
  BackgroundSha256 hash;
  TarSink both(hash, sink);
  ListedTar list(both);
  for (const SourcedEntry& sourced : entries) {
    try {
      list.add(sourced, targets);
    } catch (Error& error) {
      error.add_context(base::printable(sourced.entry.path));
      throw;
    }
  }
  TarWriter& tar = list.tar();
  tar.finish();
  return {image::DiffId{image::Digest::from_sha256(hash.finish())}, tar.size_bytes(),
          tar.entry_count()};
}

void write_entries_as_tree(Entries entries, const base::RootedDir& target, unsigned threads) {
  write_entries(entries, target, threads, Existing::kNothing);
}

void write_entries_upon(Entries entries, const base::RootedDir& target) {
  write_entries(entries, target, 0, Existing::kReplaced);
}

}  // namespace bld::layers
