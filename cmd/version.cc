// bld version
#include "builder/version.h"

#include <array>

#include "base/error.h"
#include "cmd/all_commands.h"
#include "cmd/listing.h"
#include "cmd/standard_streams.h"
#include "image/platform.h"

namespace bld::cmd {

namespace {

class Version : public Command {
 public:
  void declare(FlagSet& flags) override { flags.add_bool("json", json_, "print JSON"); }

  int run(App&, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 0, 0, "");
    const std::string platform = image::Platform::host().str();
    const std::vector<std::array<std::string, 3>> facts{
        {"Version", "version", std::string(builder::kVersion)},
        {"Image Spec", "imageSpec", "1.1.1"},
        {"Runtime Spec", "runtimeSpec", "1.2.1"},
        {"OS/Arch", "osArch", platform},
        {"BuildPlatform", "buildPlatform", platform}};
    Value::Record record;
    std::string text;
    for (const auto& [label, key, value] : facts) {
      record.fields.push_back({key, "", value});
      text += fmt::format("{:<16} {}\n", label + ":", value);
    }
    print(json_ ? json_text(record) : text);
    return 0;
  }

 private:
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_version() { return std::make_unique<Version>(); }

}  // namespace bld::cmd
