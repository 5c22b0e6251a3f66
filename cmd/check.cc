// bld check
#include "base/error.h"
#include "base/text.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

class Check : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("repair", repair_, "drop what is damaged, so that it is made again");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 0, 0, "");
    using Repair = store::Store::Repair;
    const auto findings = app.store().check(repair_ ? Repair::kYes : Repair::kNo);
    std::size_t left = 0;
    for (const store::Finding& finding : findings) {
      if (!finding.repaired) ++left;
      print(fmt::format("{}{}\n", base::printable(finding.text),
                        finding.repaired ? " (repaired)" : ""));
    }
    if (left == 0) return 0;
    base::Error error("{} damaged object{} in {}", left, left == 1 ? "" : "s",
                      app.store().root().string());
    if (!repair_) error.hint("bld check --repair drops them, so that they are made again");
    throw error;
  }

 private:
  bool repair_ = false;
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace bld::cmd
