// bld copy, bld add
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "builder/copy_into_container.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/history_flag.h"
#include "cmd/options.h"
#include "cmd/renderer.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

class Copy : public Command {
 public:
  // Both take URLs; only `add` unpacks.
  explicit Copy(builder::CopyKind kind) : kind_(kind) {
    options_.operation.kind = builder::CopyKind::kAdd;
    if (!is_add()) options_.operation.unpack = false;
  }

  void declare(FlagSet& flags) override {
    builder::CopyOperation& operation = options_.operation;
    flags.add_text("chown", "USER[:GROUP]", operation.chown, "owner of what is copied");
    flags.add_text("chmod", "MODE", operation.chmod, "permissions of what is copied");
    flags.add_text("from", "IMAGE|CONTAINER", options_.from,
                   "copy from this instead of this machine");
    flags.add_list("exclude", "PATTERN", operation.excludes, "leave out what matches");
    flags.add_text("contextdir", "DIR", context_, "directory of the sources");
    flags.add_text("ignorefile", "FILE", ignore_file_,
                   "leave out what it says; needs --contextdir");
    flags.add_bool("quiet,q", quiet_, "do not print the digest of what was copied");
    history_.declare(flags);
    flags.accept("link", "", "a commit makes one layer of all changes");
    flags.add_text("checksum", "DIGEST", operation.checksum,
                   "digest that a remote source must have");
    if (!is_add()) {
      flags.add_bool("parents", operation.parents, "keep the folders of the sources");
    }
    flags.add(
        "timestamp", "SECONDS",
        [this](const std::string& text) {
          const auto seconds = base::parse_unsigned(text);
          if (!seconds || *seconds > (1ULL << 40)) {
            throw base::Error("\"{}\" is no number of seconds", text);
          }
          options_.timestamp = static_cast<std::int64_t>(*seconds);
        },
        "time since 1970 of what is new");
    connection_.declare(flags);
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    refuse_flags_after_first(arguments);
    expect_arguments(arguments, 1, -1, "container ID must be specified");
    expect_arguments(arguments, 2, -1, "src must be specified");
    take_words(arguments);
    options_.connection = connection_.options();
    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(Progress::kQuiet, streams);
    const builder::CopiedFiles copied = builder::copy_into_container(
        arguments[0], options_, {app.store(), app.containers(), app.roots(), *renderer},
        app.stop_token());
    const std::string digest = base::to_hex(copied.digest);
    if (history_.wanted()) {
      add_history(app.store(), arguments[0],
                  fmt::format("/bin/sh -c #(nop) {} {}:{}", is_add() ? "ADD" : "COPY", copied.kind,
                              digest));
    }
    if (!quiet_) print(digest + "\n");
    return 0;
  }

 private:
  bool is_add() const { return kind_ == builder::CopyKind::kAdd; }

  void take_words(const std::vector<std::string>& arguments) {
    auto last = arguments.end();
    if (arguments.size() > 2) options_.operation.destination = *--last;
    for (auto source = arguments.begin() + 1; source != last; ++source) {
      options_.operation.sources.emplace_back(*source);
    }
    if (!context_.empty()) {
      options_.context = base::clean_absolute(std::filesystem::absolute(context_).string());
    }
    if (ignore_file_.empty()) return;
    if (context_.empty()) {
      throw base::Error(
          "--ignorefile option requires that you specify a context dir using --contextdir");
    }
    options_.ignore_file = ignore_file_;
  }

  builder::CopyKind kind_;
  builder::ContainerCopyOptions options_;
  ConnectionFlags connection_;
  std::string context_, ignore_file_;
  bool quiet_ = false;
  HistoryFlag history_;
};

}  // namespace

std::unique_ptr<Command> make_copy() { return std::make_unique<Copy>(builder::CopyKind::kCopy); }

std::unique_ptr<Command> make_add() { return std::make_unique<Copy>(builder::CopyKind::kAdd); }

}  // namespace bld::cmd
