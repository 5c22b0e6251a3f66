// Moves this process into the namespaces that bld works in. Called once, before any thread.
//
// An ordinary user: a user namespace in which the caller is root, with the ranges of /etc/subuid
// and /etc/subgid as further ids, and a private mount namespace. Without ranges, or without
// newuidmap and newgidmap, the caller is the only id there is, and owners are recorded instead of
// set: see base/owner_record.h. Root, also of a user namespace
// that somebody else made: a private mount namespace alone. The kernel takes all of it back when
// the process ends, however it ends. Root that may have neither stays where it is, and its
// commands run in a chroot: see kChroot.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "runtime/id_map.h"

namespace bld::runtime {

enum class IsolationKind {
  kUserNamespace,  // we made one
  kSingleId,       // one id is mapped, by us or by somebody around us
  kRoot,           // uid 0 with CAP_SYS_ADMIN, of the machine or of a user namespace around us
  kChroot,         // uid 0 in a container that refuses namespaces and mounts: we are where we were
};

struct Isolation {
  IsolationKind kind = IsolationKind::kRoot;
  bool in_user_namespace = false;  // ids are mapped, by us or by somebody around us
  uid_t original_uid = 0;          // the caller's, before
  gid_t original_gid = 0;
  std::vector<IdMap> uid_map, gid_map;  // as in force now
  std::string shortfall, remedy;        // of kSingleId: why not more, and what to do about it
};

struct EnterOptions {
  std::string subuid_file = "/etc/subuid";
  std::string subgid_file = "/etc/subgid";
  std::string only_one_id;  // if not empty: map one id, and this is why
};

// Throws Error with the exact remedy as hint where the machine does not allow it; the process is
// then as useful as before only for ending with that message.
Isolation enter_namespaces(const EnterOptions& options = {});

// After enter_namespaces(): replaces this process by a command, for `bld unshare`. Returns only by
// throwing, with exit_status 127 (not found) or 126 (cannot be run).
[[noreturn]] void exec_in_namespaces(const std::vector<std::string>& args);

}  // namespace bld::runtime
