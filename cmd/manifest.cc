// bld manifest: one name for the images of several platforms
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/file_io.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/options.h"
#include "cmd/push_flags.h"
#include "cmd/renderer.h"
#include "cmd/standard_streams.h"
#include "cmd/subcommands.h"
#include "registry/copy_image.h"

namespace bld::cmd {

namespace {

using base::Error;
using image::Descriptor;
using image::Index;

std::string list_name(const std::string& text) {
  return image::Reference::parse_local(text).with_default_tag().str();
}

store::ManifestList get_list(store::Store& store, const std::string& name) {
  auto list = store.find_list(name);
  if (list) return *list;
  if (store.find_image(name))
    throw Error("{}: image is not a manifest list", base::printable(name));
  throw Error("{}: image not known", base::printable(name));
}

Descriptor entry_of(store::Store& store, const store::ImageRecord& image) {
  const auto blob = store.find_blob(image.manifest_digest);
  if (!blob) throw Error("the manifest {} is gone", image.manifest_digest.str());
  Descriptor entry = *blob;
  entry.platform = store.read_config(image.config_digest).platform;
  return entry;
}

// Brings images into lists: those that are here, or that a registry has.
class Members {
 public:
  Members(App& app, const registry::ConnectionOptions& connection)
      : app_(app),
        connection_(connection),
        streams_(STDOUT_FILENO, STDERR_FILENO),
        renderer_(make_renderer(choose_progress("", false), streams_)) {}

  // `all`: every image of an index, else the one for `platform` (empty: this machine's).
  std::vector<Descriptor> find(const std::string& text, bool all,
                               const std::optional<image::Platform>& platform) {
    store::Store& store = app_.store();
    if (const auto list = store.find_list(text)) return Index::parse(list->document).manifests;
    if (const auto image = store.find_image(text)) return {entry_of(store, *image)};
    const registry::Location from = location_of(text);
    std::vector<Descriptor> entries;
    if (all) entries = registry::read_index(from, connection_, store, app_.stop_token());
    if (entries.empty()) return {pulled(from, platform)};
    for (Descriptor& entry : entries) pull_instance(from, entry);
    return entries;
  }

 private:
  Descriptor pulled(const registry::Location& from,
                    const std::optional<image::Platform>& platform) {
    registry::PullOptions options{.connection = connection_, .platform = platform, .name = {}};
    return entry_of(
        app_.store(),
        registry::pull(app_.store(), from, options, *renderer_, app_.stop_token()).record);
  }

  void pull_instance(const registry::Location& from, Descriptor& entry) {
    if (app_.store().find_image(store::exact_name(entry.digest))) return;
    if (from.kind != registry::TransportKind::kDocker) {
      throw Error("all images of {}: only from a registry", from.str());
    }
    registry::Location instance = from;
    instance.reference = image::Reference::parse(image::Reference::parse(from.reference).name())
                             .with_digest(entry.digest)
                             .str();
    pulled(instance, std::nullopt);
  }

  App& app_;
  const registry::ConnectionOptions& connection_;
  Streams streams_;
  std::unique_ptr<Renderer> renderer_;
};

// What --os, --arch… say of an entry instead of what its image says.
struct EntryFlags {
  void declare(FlagSet& flags) {
    flags.add_text("os", "NAME", os, "operating system of the image");
    flags.add_text("arch", "NAME", arch, "architecture of the image");
    flags.add_text("variant", "NAME", variant, "variant of the architecture");
    flags.add_text("os-version", "TEXT", os_version, "version of the operating system");
    flags.add_comma_list("os-features", "NAME", os_features, "features of the operating system");
    flags.add_list("annotation", "KEY=VALUE", annotations, "annotation of the entry");
    flags.accept("features", "FEATURE", "no registry or runtime looks at it");
  }

  void apply(Descriptor& entry) const {
    image::Platform platform = entry.platform.value_or(image::Platform{});
    if (!os.empty()) platform.os = os;
    if (!arch.empty()) platform.architecture = arch;
    // The variant of one architecture means nothing to another.
    if (!arch.empty() || !variant.empty()) platform.variant = variant;
    if (!os_version.empty()) platform.os_version = os_version;
    if (!os_features.empty()) platform.os_features = os_features;
    entry.platform = platform;
    annotate(entry.annotations);
  }

  void annotate(std::map<std::string, std::string>& target) const {
    for (const std::string& text : annotations) {
      const KeyAndValue pair = parse_key_value(text);
      if (!pair.value) throw Error("an annotation is KEY=VALUE, not \"{}\"", text);
      target[pair.key] = *pair.value;
    }
  }

  std::string os, arch, variant, os_version;
  std::vector<std::string> os_features, annotations;
};

void put_entry(Index& index, const Descriptor& entry) {
  std::erase_if(index.manifests,
                [&](const Descriptor& other) { return other.digest == entry.digest; });
  index.manifests.push_back(entry);
}

// The entry of a digest, or of the image of that name.
Descriptor& find_entry(Index& index, store::Store& store, const std::string& text) {
  const auto image = text.starts_with("sha256:") ? std::nullopt : store.find_image(text);
  const image::Digest digest = image ? image->manifest_digest : image::Digest::parse(text);
  for (Descriptor& entry : index.manifests) {
    if (entry.digest == digest) return entry;
  }
  throw Error("the list has no image {}", digest.str());
}

// One "bld manifest SUBCOMMAND".
class Subcommand : public Command {
 protected:
  static store::ManifestList edit(App& app, const std::string& name,
                                  const std::function<void(Index&)>& change) {
    get_list(app.store(), name);  // for its error
    return app.store().edit_list(name, [&](store::ManifestList& list) {
      Index index = Index::parse(list.document);
      change(index);
      list.document = index.json();
    });
  }
};

class Create : public Subcommand {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all", all_, "add every image of an index, not only this machine's");
    flags.add_bool("amend", amend_, "add to the list if it is there already");
    flags.add_list("annotation", "KEY=VALUE", entry_.annotations, "annotation of the list");
    connection_.declare(flags);
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, -1, "requires at least 1 arg(s), only received 0");
    const registry::ConnectionOptions connection = connection_.options();
    Members members(app, connection);
    Index index;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      for (const Descriptor& entry : members.find(arguments[i], all_, {})) put_entry(index, entry);
    }
    const auto known = app.store().find_list(arguments[0]);
    if (known && !amend_) {
      throw Error("{}: that name is already in use by the list {}", known->name, known->id)
          .hint("--amend adds to it");
    }
    store::ManifestList list;
    if (known) {
      list = edit(app, known->id, [&](Index& there) {
        for (const Descriptor& entry : index.manifests) put_entry(there, entry);
        entry_.annotate(there.annotations);
      });
    } else {
      entry_.annotate(index.annotations);
      list.name = list_name(arguments[0]);
      list.document = index.json();
      list = app.store().create_list(list);
    }
    print(list.id + "\n");
    return 0;
  }

 private:
  bool all_ = false, amend_ = false;
  EntryFlags entry_;
  ConnectionFlags connection_;
};

class Add : public Subcommand {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all", all_, "add every image of an index");
    entry_.declare(flags);
    connection_.declare(flags);
    for (const char* name :
         {"artifact", "artifact-annotation", "artifact-config", "artifact-config-type",
          "artifact-exclude-titles", "artifact-layer-type", "artifact-subject", "artifact-type"}) {
      flags.refuse(name, "the lists of bld hold images: oras push writes artifacts to a registry");
    }
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 2, 2, "a list and an image must be specified");
    get_list(app.store(), arguments[0]);
    const registry::ConnectionOptions connection = connection_.options();
    std::optional<image::Platform> platform;
    if (!entry_.os.empty() || !entry_.arch.empty()) {
      platform = image::Platform::host();
      if (!entry_.os.empty()) platform->os = entry_.os;
      if (!entry_.arch.empty()) platform->architecture = entry_.arch;
      platform->variant = entry_.variant;
    }
    std::vector<Descriptor> entries = Members(app, connection).find(arguments[1], all_, platform);
    if (entries.size() == 1) entry_.apply(entries.front());
    const store::ManifestList list = edit(app, arguments[0], [&](Index& index) {
      for (const Descriptor& entry : entries) put_entry(index, entry);
    });
    for (const Descriptor& entry : entries) print(list.id + ": " + entry.digest.str() + "\n");
    return 0;
  }

 private:
  bool all_ = false;
  EntryFlags entry_;
  ConnectionFlags connection_;
};

class Annotate : public Subcommand {
 public:
  void declare(FlagSet& flags) override {
    entry_.declare(flags);
    flags.add_bool("index", index_, "annotate the list itself");
    flags.add_text("subject", "IMAGE", subject_, "what the list is about; with --index");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, index_ ? 1 : 2, 2, "a list and an image must be specified");
    if (!subject_.empty() && !index_) throw Error("--subject needs --index: it is of the list");
    std::optional<Descriptor> subject;
    if (!subject_.empty()) {
      subject = entry_of(app.store(), app.store().get_image(subject_));
      subject->platform.reset();
    }
    std::string digest;
    const store::ManifestList list = edit(app, arguments[0], [&](Index& index) {
      if (index_) {
        entry_.annotate(index.annotations);
        if (subject) index.subject = subject;
      } else {
        Descriptor& entry = find_entry(index, app.store(), arguments[1]);
        entry_.apply(entry);
        digest = ": " + entry.digest.str();
      }
    });
    print(list.id + digest + "\n");
    return 0;
  }

 private:
  bool index_ = false;
  std::string subject_;
  EntryFlags entry_;
};

class Remove : public Subcommand {
 public:
  void declare(FlagSet&) override {}

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 2, 2, "a list and a digest must be specified");
    image::Digest digest;
    const store::ManifestList list = edit(app, arguments[0], [&](Index& index) {
      digest = find_entry(index, app.store(), arguments[1]).digest;
      std::erase_if(index.manifests, [&](const Descriptor& e) { return e.digest == digest; });
    });
    print(list.id + ": " + digest.str() + "\n");
    return 0;
  }
};

class InspectList : public Subcommand {
 public:
  void declare(FlagSet& flags) override { connection_.declare(flags); }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 1, "a list must be specified");
    print(base::Json::parse(document_of(app, arguments[0])).str(4) + "\n");
    return 0;
  }

 private:
  // A list that is here; else, of a name that says where, what is there.
  std::string document_of(App& app, const std::string& name) const {
    store::Store& store = app.store();
    const bool says_where = registry::parse_location(name) ||
                            image::Reference::parse_local(name).registry() != "localhost";
    if (!says_where || store.find_list(name) || store.find_image(name)) {
      return get_list(store, name).document;
    }
    const registry::Location place = location_of(name);
    std::string text =
        registry::read_document(place, connection_.options(), store, app.stop_token());
    if (base::Json::parse(text).find("manifests") == nullptr) {
      print_error(fmt::format("{} is not a manifest list but a single image\n", place.str()));
    }
    return text;
  }

  ConnectionFlags connection_;
};

class Exists : public Subcommand {
 public:
  void declare(FlagSet&) override {}

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 1, "a list must be specified");
    return app.store().find_list(arguments[0]) ? 0 : 1;
  }
};

class RemoveLists : public Subcommand {
 public:
  void declare(FlagSet&) override {}

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, -1, "a list must be specified");
    for (const std::string& name : arguments) {
      const store::ManifestList list = get_list(app.store(), name);
      app.store().remove_list(list.id);
      print(fmt::format("untagged: {}\n{}\n", list.name, list.id));
    }
    return 0;
  }
};

class PushList : public Subcommand {
 public:
  void declare(FlagSet& flags) override {
    add_fixed_bool(flags, "all", true, "push all images of the list (default true)");
    flags.add_bool("rm", remove_, "remove the list afterwards");
    push_.declare(flags);
    push_.declare_more_compressions(flags);
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 2, "a list must be specified");
    const store::ManifestList list = get_list(app.store(), arguments[0]);
    const registry::Location to = location_of(arguments.size() == 2 ? arguments[1] : list.name);
    push_.run([&](const registry::PushOptions& options, base::EventSink& events) {
      return registry::push_index(app.store(), Index::parse(list.document), to, options, events,
                                  app.stop_token());
    });
    if (remove_) app.store().remove_list(list.id);
    return 0;
  }

 private:
  bool remove_ = false;
  PushFlags push_;
};

const SubcommandEntry kSubcommands[] = {
    {"add", "LIST IMAGE", "Add an image", make_subcommand<Add>},
    {"annotate", "LIST IMAGE|DIGEST", "Change what the list says of an image",
     make_subcommand<Annotate>},
    {"create", "LIST [IMAGE...]", "Make a list", make_subcommand<Create>},
    {"exists", "LIST", "Exit with 0 if there is such a list, with 1 if not",
     make_subcommand<Exists>},
    {"inspect", "LIST", "Show a list", make_subcommand<InspectList>},
    {"push", "LIST [DESTINATION]", "Push a list and its images", make_subcommand<PushList>},
    {"remove", "LIST IMAGE|DIGEST", "Take an image out of a list", make_subcommand<Remove>},
    {"rm", "LIST...", "Remove lists; their images stay", make_subcommand<RemoveLists>},
};

class Manifest : public Command {
 public:
  void declare(FlagSet&) override {}

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    return run_subcommand(app, "manifest", kSubcommands, arguments);
  }
};

}  // namespace

std::unique_ptr<Command> make_manifest() { return std::make_unique<Manifest>(); }

}  // namespace bld::cmd
