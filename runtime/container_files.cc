#include "runtime/container_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/file_io.h"
#include "base/owner_record.h"
#include "runtime/overlay.h"

namespace bld::runtime {

void ContainerFiles::prepare(const FileMount& file) { prepared_.push_back({file, make(file)}); }

base::UniqueFd ContainerFiles::take(const FileMount& file) {
  const auto same = std::ranges::find_if(prepared_, [&file](const Prepared& other) {
    return other.file.contents == file.contents && other.file.mode == file.mode &&
           other.file.uid == file.uid && other.file.gid == file.gid;
  });
  if (same == prepared_.end()) return make(file);
  base::UniqueFd fd = std::move(same->fd);
  prepared_.erase(same);
  return fd;
}

base::UniqueFd ContainerFiles::make(const FileMount& file) {
  if (!tmpfs_) tmpfs_ = mount_tmpfs(0, 0700);
  const std::string name = std::to_string(count_++);
  const base::UniqueFd made(
      ::openat(tmpfs_.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!made) throw base::Error::sys("create", file.target);
  base::write_all(made.get(), base::as_bytes(file.contents));
  if (!base::set_owner(made.get(), file.uid, file.gid)) {
    throw base::Error::sys("fchown", file.target);
  }
  if (::fchmod(made.get(), file.mode) != 0) throw base::Error::sys("fchmod", file.target);
  base::UniqueFd result(::openat(tmpfs_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!result) throw base::Error::sys("open", file.target);
  return result;
}

}  // namespace bld::runtime
