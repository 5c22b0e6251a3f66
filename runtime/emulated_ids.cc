#include "runtime/emulated_ids.h"

#include <algorithm>
#include <cerrno>

namespace bld::runtime {
namespace {

constexpr std::size_t kMaxKnown = 10'000;
constexpr int kMaxAncestors = 100;

}  // namespace

int IdSet::set(std::uint32_t id, bool privileged) {
  if (id == kKeep) return -EINVAL;
  if (!privileged && id != real && id != saved) return -EPERM;
  if (privileged) real = saved = id;
  effective = file = id;
  return 0;
}

int IdSet::set_re(std::uint32_t new_real, std::uint32_t new_effective, bool privileged) {
  const std::uint32_t old_real = real;
  if (!privileged && ((new_real != kKeep && new_real != real && new_real != effective) ||
                      (new_effective != kKeep && !has(new_effective)))) {
    return -EPERM;
  }
  if (new_real != kKeep) real = new_real;
  if (new_effective != kKeep) effective = new_effective;
  if (new_real != kKeep || (new_effective != kKeep && new_effective != old_real)) {
    saved = effective;
  }
  file = effective;
  return 0;
}

int IdSet::set_res(std::uint32_t new_real, std::uint32_t new_effective, std::uint32_t new_saved,
                   bool privileged) {
  if (!privileged) {
    for (const std::uint32_t id : {new_real, new_effective, new_saved}) {
      if (id != kKeep && !has(id)) return -EPERM;
    }
  }
  if (new_real != kKeep) real = new_real;
  if (new_effective != kKeep) effective = new_effective;
  if (new_saved != kKeep) saved = new_saved;
  file = effective;
  return 0;
}

std::uint32_t IdSet::set_file(std::uint32_t id, bool privileged) {
  const std::uint32_t old = file;
  if (id != kKeep && (privileged || has(id))) file = id;
  return old;
}

bool Credentials::in_group(gid_t id) const {
  return id == group.file || std::find(groups.begin(), groups.end(), id) != groups.end();
}

ProcessIds::ProcessIds(const TaskFiles& files, const User& first)
    : files_(files),
      first_{IdSet(first.uid), IdSet(first.gid), first.groups},
      only_root_(first.uid == 0 && first.gid == 0) {}

Credentials& ProcessIds::of(pid_t task) {
  const auto status = files_.status(task);
  const pid_t process = status ? status->process : task;
  const std::uint64_t start_time = files_.start_time(process);
  const auto at = known_.find(process);
  if (at != known_.end() && at->second.start_time == start_time) return at->second.credentials;
  Entry entry{start_time, inherited(status ? status->parent : 0)};
  if (known_.size() >= kMaxKnown) forget_the_dead();
  return known_.insert_or_assign(process, std::move(entry)).first->second.credentials;
}

const ProcessIds::Entry* ProcessIds::find(pid_t process) const {
  const auto at = known_.find(process);
  if (at == known_.end() || at->second.start_time != files_.start_time(process)) return nullptr;
  return &at->second;
}

// Of the nearest ancestor that was seen. The container's init is none of them.
const Credentials& ProcessIds::inherited(pid_t parent) const {
  for (int i = 0; i < kMaxAncestors && parent > 1; ++i) {
    if (const Entry* entry = find(parent)) return entry->credentials;
    const auto status = files_.status(parent);
    if (!status || status->innermost == 1) break;
    parent = status->parent;
  }
  return first_;
}

void ProcessIds::forget_the_dead() {
  std::erase_if(known_, [this](const auto& entry) {
    return files_.start_time(entry.first) != entry.second.start_time;
  });
}

}  // namespace bld::runtime
