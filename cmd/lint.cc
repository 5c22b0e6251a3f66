// bld lint
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "builder/check.h"
#include "builder/context.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/exit_code.h"
#include "cmd/lint_report.h"
#include "cmd/options.h"
#include "cmd/render_error.h"
#include "cmd/standard_streams.h"
#include "store/store.h"

namespace bld::cmd {

namespace {

namespace fs = std::filesystem;
using base::Error;
using dockerfile::SourceText;

// What a Containerfile is linted with: where it is, and the files that it is built with.
struct Source {
  fs::path file;     // "-" is standard input
  fs::path context;  // empty: not known
};

fs::path default_file(const fs::path& directory) {
  for (const char* name : {"Containerfile", "Dockerfile"}) {
    if (fs::exists(directory / name)) return directory == "." ? fs::path(name) : directory / name;
  }
  Error error("no Containerfile or Dockerfile in {}", fs::absolute(directory).string());
  throw error.hint("name one: bld lint FILE");
}

std::string read_source(const fs::path& file) {
  if (file == "-") return base::read_fd(0, SourceText::kMaximumBytes);
  return base::read_file(file, SourceText::kMaximumBytes);
}

class Lint : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_text("context", "DIR", context_, "the build context, whose ignore file is looked at");
    flags.add_text("format", "text|json|sarif", format_, "how findings are shown (default text)");
    flags.add_comma_list("skip", "RULE", skip_, "leave a rule out; all: only parse");
    flags.add_comma_list("experimental", "RULE", experimental_,
                         "use a rule that is off otherwise; all: all of them");
    flags.add_bool("error,fatal", error_, "exit with 1 if there are findings (default true)");
    flags.add_text("target", "STAGE", request_.target, "only what this stage needs");
    platform_.declare(flags);
    flags.add(
        "build-arg", "NAME[=VALUE]",
        [this](const std::string& text) {
          KeyAndValue argument = parse_key_value(text);
          request_.build_args.push_back({std::move(argument.key), std::move(argument.value)});
        },
        "value of an ARG");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    check_flags();
    request_.platform = platform_.platform();
    // A store is not made just to look bases up.
    std::optional<store::Store> store;
    if (fs::exists(app.store_root() / "store.db")) {
      store.emplace(store::Store::open({.root = app.store_root()}));
    }
    std::vector<LintedFile> files;
    for (const Source& source : sources(arguments)) {
      files.push_back(lint(source, store ? &*store : nullptr));
    }
    return show(files);
  }

 private:
  void check_flags() const {
    if (format_ != "text" && format_ != "json" && format_ != "sarif") {
      throw Error("--format={}: must be text, json or sarif", format_);
    }
    for (const auto* rules : {&skip_, &experimental_}) {
      for (const std::string& name : *rules) {
        if (name != "all" && dockerfile::find_lint_rule(name) == nullptr) throw unknown_rule(name);
      }
    }
  }

  static Error unknown_rule(const std::string& name) {
    std::vector<std::string_view> names;
    for (const dockerfile::LintRule& rule : dockerfile::lint_rules()) names.push_back(rule.name);
    Error error("there is no lint rule \"{}\"", name);
    if (const auto meant = base::nearest(name, names)) error.hint("did you mean " + *meant + "?");
    return error;
  }

  std::vector<Source> sources(const std::vector<std::string>& arguments) const {
    const fs::path here = context_.empty() ? "." : context_;
    if (arguments.empty()) return {{default_file(here), here}};
    std::vector<Source> found;
    for (const std::string& argument : arguments) {
      if (argument != "-" && fs::is_directory(argument)) {
        found.push_back({default_file(argument), context_.empty() ? argument : context_});
      } else {
        found.push_back({argument, context_});
      }
    }
    return found;
  }

  LintedFile lint(const Source& source, store::Store* store) const {
    builder::TextOptions options{.store = store, .skip = {}, .experimental = experimental_};
    for (const std::string& name : skip_) {
      const auto* rule = dockerfile::find_lint_rule(name);
      options.skip.emplace_back(rule != nullptr ? rule->name : name);
    }
    std::optional<builder::Context> context;
    if (!source.context.empty()) {
      const fs::path beside = source.file == "-" ? fs::path() : source.file;
      context.emplace(builder::Context::open(source.context, std::nullopt, beside));
      options.ignore = &context->ignore();
    }
    builder::CheckedText checked = builder::check_text(
        SourceText(source.file.string(), read_source(source.file)), request_, options);
    return {std::move(checked.source), std::move(checked.report.findings),
            std::move(checked.error)};
  }

  int show(const std::vector<LintedFile>& files) const {
    print(format_ == "json"    ? lint_json(files)
          : format_ == "sarif" ? lint_sarif(files)
                               : lint_text(files));
    for (const LintedFile& file : files) {
      if (file.error && format_ == "text") {
        print_error(render_error(*file.error, ErrorStyle::of(STDERR_FILENO)));
      }
    }
    if (has_errors(files)) return kOwnError;
    return error_ && count_findings(files) > 0 ? kFindings : kSuccess;
  }

  std::string context_, format_ = "text";
  std::vector<std::string> skip_, experimental_;
  bool error_ = true;
  PlatformFlags platform_;
  builder::BuildRequest request_;
};

}  // namespace

std::unique_ptr<Command> make_lint() { return std::make_unique<Lint>(); }

}  // namespace bld::cmd
