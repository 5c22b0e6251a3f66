// The makers of all commands, one a file.
#pragma once

#include <memory>

#include "cmd/command.h"

namespace bld::cmd {

std::unique_ptr<Command> make_add();
std::unique_ptr<Command> make_build();
std::unique_ptr<Command> make_check();
std::unique_ptr<Command> make_df();
std::unique_ptr<Command> make_diff();
std::unique_ptr<Command> make_doctor();
std::unique_ptr<Command> make_commit();
std::unique_ptr<Command> make_complete();
std::unique_ptr<Command> make_completion();
std::unique_ptr<Command> make_config();
std::unique_ptr<Command> make_containers();
std::unique_ptr<Command> make_copy();
std::unique_ptr<Command> make_from();
std::unique_ptr<Command> make_images();
std::unique_ptr<Command> make_info();
std::unique_ptr<Command> make_inspect();
std::unique_ptr<Command> make_lint();
std::unique_ptr<Command> make_login();
std::unique_ptr<Command> make_logout();
std::unique_ptr<Command> make_manifest();
std::unique_ptr<Command> make_mount();
std::unique_ptr<Command> make_prune();
std::unique_ptr<Command> make_pull();
std::unique_ptr<Command> make_push();
std::unique_ptr<Command> make_rename();
std::unique_ptr<Command> make_rm();
std::unique_ptr<Command> make_rmi();
std::unique_ptr<Command> make_run();
std::unique_ptr<Command> make_source();
std::unique_ptr<Command> make_tag();
std::unique_ptr<Command> make_umount();
std::unique_ptr<Command> make_unshare();
std::unique_ptr<Command> make_version();

}  // namespace bld::cmd
