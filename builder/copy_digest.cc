#include "builder/copy_digest.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace bld::builder {

namespace {

using Item = Selection::Item;

// Fields with their lengths, hashed in large pieces: there are several for each file.
class FieldHash {
 public:
  void add(std::string_view text) {
    add(text.size());
    buffer_ += text;
    flush_if_large();
  }

  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) buffer_ += static_cast<char>(number >> shift);
    flush_if_large();
  }

  void add(const base::Sha256Value& digest) { buffer_ += base::as_text(digest); }

  base::Sha256Value finish() {
    hash_.write(base::as_bytes(buffer_));
    return hash_.finish();
  }

 private:
  void flush_if_large() {
    if (buffer_.size() < 64 << 10) return;
    hash_.write(base::as_bytes(buffer_));
    buffer_.clear();
  }

  base::Sha256 hash_;
  std::string buffer_;
};

void add_file(FieldHash& hash, const SourceFile& file, SourceOwners owners) {
  hash.add(file.path);
  hash.add(file.status.st_mode);
  if (owners == SourceOwners::kKept) {
    hash.add(file.status.st_uid);
    hash.add(file.status.st_gid);
  }
  if (S_ISLNK(file.status.st_mode)) hash.add(file.link);
  if (S_ISCHR(file.status.st_mode) || S_ISBLK(file.status.st_mode)) hash.add(file.status.st_rdev);
  hash.add(file.xattrs.size());
  for (const auto& [name, value] : file.xattrs) {
    hash.add(name);
    hash.add(value);
  }
}

// The number of the item's earlier file that this one is another name of, counted from 1.
class LinkNumbers {
 public:
  std::uint64_t of(const struct stat& status) {
    if (status.st_nlink < 2) return 0;
    return seen_.try_emplace({status.st_dev, status.st_ino}, seen_.size() + 1).first->second;
  }

 private:
  std::map<std::pair<dev_t, ino_t>, std::uint64_t> seen_;
};

void add_requests(const Item& item, std::vector<ContentRequest>& requests) {
  for (const SourceFile& file : item.files) {
    if (S_ISREG(file.status.st_mode)) requests.push_back({file.status, item.path_of(file)});
  }
}

// Of all regular files of the items, in their order; one look-up for all that lie in the context.
std::vector<base::Sha256Value> digest_contents(
    const std::vector<std::shared_ptr<const Item>>& items, const SourceRoot& sources) {
  std::vector<ContentRequest> local;
  for (const auto& item : items) {
    if (item->root && item->root.get() == sources.root) add_requests(*item, local);
  }
  std::vector<base::Sha256Value> of_local;
  if (!local.empty()) {
    of_local = sources.digests != nullptr ? sources.digests->of_all(*sources.root, local)
                                          : read_digests(*sources.root, local);
  }
  if (items.size() == 1 && !of_local.empty()) return of_local;

  std::vector<base::Sha256Value> all;
  auto next = of_local.begin();
  for (const auto& item : items) {
    std::vector<ContentRequest> requests;
    if (item->root) add_requests(*item, requests);
    if (item->root.get() == sources.root) {
      const auto end = next + static_cast<std::ptrdiff_t>(requests.size());
      all.insert(all.end(), next, end);
      next = end;
    } else if (!requests.empty()) {
      const auto read = read_digests(*item->root, requests);
      all.insert(all.end(), read.begin(), read.end());
    }
  }
  return all;
}

}  // namespace

base::Sha256Value digest_of(const std::vector<std::shared_ptr<const Item>>& items,
                            const SourceRoot& sources) {
  const std::vector<base::Sha256Value> contents = digest_contents(items, sources);
  FieldHash hash;
  std::size_t next = 0;
  for (const auto& item : items) {
    hash.add(static_cast<std::uint64_t>(item->kind));
    hash.add(static_cast<std::uint64_t>(item->owners));
    hash.add(item->name);
    hash.add(item->prefix);
    hash.add(item->content);
    hash.add(item->kept_folders.size());
    for (const SourceFile& folder : item->kept_folders) add_file(hash, folder, item->owners);
    LinkNumbers links;
    hash.add(item->files.size());
    for (const SourceFile& file : item->files) {
      add_file(hash, file, item->owners);
      if (!S_ISREG(file.status.st_mode)) continue;
      hash.add(links.of(file.status));
      hash.add(contents[next++]);
    }
  }
  return hash.finish();
}

}  // namespace bld::builder
