// What the files of build contexts contained when they were last read.
#include <algorithm>
#include <numeric>
#include <vector>

#include "store/state.h"

namespace bld::store {

namespace {

// In the order of the table, so that neighbours are read and written together.
template <typename StampOf>
std::vector<std::size_t> table_order(std::size_t count, const StampOf& stamp_of) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const FileStamp& left = stamp_of(a);
    const FileStamp& right = stamp_of(b);
    const auto left_inode = static_cast<std::int64_t>(left.inode);
    const auto right_inode = static_cast<std::int64_t>(right.inode);
    return std::pair(left.device, left_inode) < std::pair(right.device, right_inode);
  });
  return order;
}

}  // namespace

std::vector<std::optional<base::Sha256Value>> Store::lookup_file_digests(
    std::span<const FileStamp> stamps) {
  std::vector<std::optional<base::Sha256Value>> answers(stamps.size());
  Session session(state_->database, SessionKind::kRead);
  Query row = session.query(
      "SELECT size_bytes, mtime_ns, ctime_ns, sha256 FROM file_digests "
      "WHERE device = ? AND inode = ?",
      0, 0);
  for (const std::size_t i :
       table_order(stamps.size(), [&](std::size_t at) { return stamps[at]; })) {
    const FileStamp& stamp = stamps[i];
    row.again(stamp.device, stamp.inode);
    if (!row.next() || row.number(0) != stamp.size_bytes || row.integer(1) != stamp.mtime_ns ||
        row.integer(2) != stamp.ctime_ns) {
      continue;
    }
    const std::string bytes = row.bytes(3);
    if (bytes.size() != 32) continue;
    std::ranges::copy(base::as_bytes(bytes), answers[i].emplace().begin());
  }
  return answers;
}

void Store::remember_file_digests(std::span<const FileDigest> digests) {
  (void)state_->lease();
  const std::int64_t today = seconds(now()) / 86400;
  Session session(state_->database, SessionKind::kWrite);
  {
    Query row = session.query(
        "INSERT OR REPLACE INTO file_digests "
        "(device, inode, size_bytes, mtime_ns, ctime_ns, sha256, stored_on) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        0, 0, 0, 0, 0, 0, 0);
    for (const std::size_t i :
         table_order(digests.size(), [&](std::size_t at) { return digests[at].stamp; })) {
      const FileDigest& file = digests[i];
      row.again(file.stamp.device, file.stamp.inode, file.stamp.size_bytes, file.stamp.mtime_ns,
                file.stamp.ctime_ns, base::Bytes(file.sha256), today);
      row.next();
    }
  }
  session.commit();
}

}  // namespace bld::store
