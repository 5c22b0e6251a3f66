// Makes every object, owns it, and hands out references.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/roots.h"
#include "cmd/command.h"
#include "cmd/signals.h"
#include "runtime/isolation.h"
#include "runtime/launcher.h"
#include "store/store.h"

namespace bld::cmd {

// What may be said before and after any command.
struct GlobalOptions {
  std::string root;  // empty: the user's own
  bool help = false, version = false;
};

// The flags of `bld` itself.
void declare_globals(FlagSet& flags, GlobalOptions& globals);

class App {
 public:
  explicit App(GlobalOptions& globals) : globals_(globals) {}

  // Namespaces, then the launcher, then the signals' thread, then the store: each as far as needed.
  void start(Needs needs);

  // The namespaces alone, as the store has it: one made with one id mapped stays so.
  void enter();

  store::Store& store();
  runtime::ContainerRunner& containers();
  builder::Roots& roots();
  const runtime::Isolation& isolation() const;
  bool is_chroot() const;  // the isolation is that of a chroot
  std::filesystem::path store_root() const;

  void use_root(std::string directory) { globals_.root = std::move(directory); }

  // Who asks for it promises to look at it: see signals.h.
  std::stop_token stop_token();

  // The signal that asked to end, or 0.
  int signal() const { return signals_ ? signals_->received() : 0; }

 private:
  void make_roots();
  void copy_roots();

  GlobalOptions& globals_;
  std::optional<runtime::Isolation> isolation_;
  std::unique_ptr<runtime::Launcher> launcher_;
  std::unique_ptr<Signals> signals_;
  std::optional<store::Store> store_;
  // Where overlays cannot be mounted these stand before the launcher.
  std::unique_ptr<builder::Roots> roots_;
  std::unique_ptr<runtime::ContainerRunner> runner_;  // around the launcher, if any
};

// The whole program but for argv; returns the exit status.
int run_app(const std::vector<std::string>& words);

}  // namespace bld::cmd
