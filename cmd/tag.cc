// bld tag
#include "base/error.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "image/reference.h"

namespace bld::cmd {

namespace {

class Tag : public Command {
 public:
  void declare(FlagSet&) override {}

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 2, -1,
                     fmt::format("requires at least 2 arg(s), only received {}", arguments.size()));
    std::vector<image::Reference> names;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      names.push_back(image::Reference::parse_local(arguments[i]).with_default_tag());
    }
    const auto list = app.store().find_list(arguments[0]);
    if (list && !app.store().find_image(arguments[0])) {
      // A list has one name: another name is another list of the same images.
      for (const auto& name : names) {
        app.store().create_list(
            {.id = {}, .name = name.str(), .document = list->document, .created_at = {}},
            store::Store::TakenName::kReplace);
      }
      return 0;
    }
    const store::ImageRecord image = app.store().get_image(arguments[0]);
    store::Transaction transaction = app.store().begin();
    for (const auto& name : names) transaction.name_image(name, image.manifest_digest);
    std::move(transaction).commit();
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_tag() { return std::make_unique<Tag>(); }

}  // namespace bld::cmd
