#include "builder/containerfile.h"

#include <sys/stat.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/rooted_dir.h"
#include "builder/preprocess.h"
#include "builder/url_text.h"

namespace bld::builder {

namespace {

using dockerfile::SourcePart;
using dockerfile::SourceText;
namespace fs = std::filesystem;

constexpr std::array<const char*, 2> kNames = {"Containerfile", "Dockerfile"};

// As the user would name it from here; of a file elsewhere its name alone.
std::string shown_name(const fs::path& path) {
  const fs::path normal =
      (path.is_absolute() ? path.lexically_proximate(fs::current_path()) : path).lexically_normal();
  const bool is_elsewhere = normal.is_absolute() || normal.string().starts_with("..");
  return (is_elsewhere ? path.filename() : normal).string();
}

// One file as it was found.
struct Found {
  SourcePart part;
  fs::path path;            // empty: it is none of this machine
  bool in_context = false;  // `path` is relative to the root of an unpacked context
};

class Reader {
 public:
  Reader(const BuildRequest& request, const LocalContext& context, store::Store& store,
         std::stop_token stop)
      : request_(request), context_(context), store_(store), stop_(std::move(stop)) {
    if (context.is_unpacked) root_ = base::RootedDir::open(context.directory);
  }

  Containerfile read();

 private:
  Found read_default() const;
  Found read_named(const std::string& name);
  std::optional<Found> try_path(const fs::path& path) const;
  std::optional<Found> try_in_context(const fs::path& path) const;
  Found standard_input();
  Found fetch(const std::string& url) const;
  void add(Found found, std::vector<SourcePart>& parts, std::vector<base::Warning>& warnings) const;

  const BuildRequest& request_;
  const LocalContext& context_;
  store::Store& store_;
  std::stop_token stop_;
  std::optional<base::RootedDir> root_;  // of an unpacked context
  bool read_standard_input_ = false;
};

// A file of this machine that the user chose: links may lead anywhere.
std::optional<Found> Reader::try_path(const fs::path& path) const {
  if (fs::is_directory(path)) {
    for (const char* name : kNames) {
      if (auto found = try_path(path / name)) return found;
    }
    return std::nullopt;
  }
  if (!fs::exists(path)) return std::nullopt;
  return Found{{shown_name(path), base::read_file(path, SourceText::kMaximumBytes)}, path};
}

std::optional<Found> Reader::try_in_context(const fs::path& path) const {
  if (!root_) return try_path(context_.directory / path);
  const auto status = root_->stat(path.string());
  if (!status) return std::nullopt;
  if (S_ISDIR(status->st_mode)) {
    for (const char* name : kNames) {
      if (auto found = try_in_context(path / name)) return found;
    }
    return std::nullopt;
  }
  const base::UniqueFd fd = root_->open_regular(path.string());
  return Found{{shown_name(path), base::read_fd(fd.get(), SourceText::kMaximumBytes)}, path, true};
}

Found Reader::read_default() const {
  if (context_.containerfile) return {*context_.containerfile, {}};
  if (!context_.file.empty()) return *try_path(context_.file);
  if (auto found = try_in_context("")) return std::move(*found);
  base::Error error("no Containerfile or Dockerfile in {}",
                    context_.is_unpacked ? without_userinfo(request_.context)
                                         : fs::absolute(context_.directory).string());
  error.hint("name one with -f FILE");
  throw error;
}

Found Reader::standard_input() {
  if (request_.context == "-" || std::exchange(read_standard_input_, true)) {
    throw base::Error("standard input is asked for twice")
        .hint(request_.context == "-" ? "the context is it: name files of the context with -f"
                                      : "give one -f - only");
  }
  return {{"-", base::read_fd(0, SourceText::kMaximumBytes)}, {}};
}

Found Reader::fetch(const std::string& url) const {
  const base::RootedDir scratch = base::RootedDir::open(store_.make_temp_dir());
  RemoteAccess access{.connection = request_.connection, .silence = request_.remote_silence};
  access.max_bytes = SourceText::kMaximumBytes;
  download(url, access, {}, scratch, "file", stop_);
  const base::UniqueFd fd = scratch.open_regular("file");
  return {{shown_url(url), base::read_fd(fd.get(), SourceText::kMaximumBytes)}, {}};
}

Found Reader::read_named(const std::string& name) {
  if (name == "-") return standard_input();
  if (is_http_url(name)) return fetch(name);
  if (auto found = try_path(name)) return std::move(*found);
  const fs::path path = name;
  if (path.is_absolute()) throw base::Error::sys("open", name, ENOENT);
  if (auto found = try_in_context(path)) return std::move(*found);
  throw base::Error("{}: no such file or directory, neither in {} nor in the context", name,
                    fs::current_path().string());
}

void Reader::add(Found found, std::vector<SourcePart>& parts,
                 std::vector<base::Warning>& warnings) const {
  if (!found.part.file_name.ends_with(".in")) {
    parts.push_back(std::move(found.part));
    return;
  }
  const bool is_fetched = found.path.empty();
  const fs::path path =
      found.in_context || is_fetched ? context_.directory / found.path : found.path;
  Preprocessed done = preprocess({.file = std::move(found.part),
                                  .directory = path.parent_path(),
                                  .context = context_.directory,
                                  .flags = request_.cpp_flags,
                                  .is_foreign = found.in_context || is_fetched});
  parts.insert(parts.end(), std::make_move_iterator(done.parts.begin()),
               std::make_move_iterator(done.parts.end()));
  warnings.insert(warnings.end(), done.warnings.begin(), done.warnings.end());
}

Containerfile Reader::read() {
  std::vector<Found> files;
  if (request_.containerfiles.empty()) files.push_back(read_default());
  if (!request_.containerfiles.empty() && context_.containerfile) {
    throw base::Error("the context {} is a Containerfile, and -f names another",
                      context_.containerfile->file_name);
  }
  for (const std::string& name : request_.containerfiles) files.push_back(read_named(name));
  std::vector<SourcePart> parts;
  std::vector<base::Warning> warnings;
  fs::path first;
  bool in_context = false;
  for (Found& found : files) {
    if (first.empty()) {
      first = found.path;
      in_context = found.in_context;
    }
    add(std::move(found), parts, warnings);
  }
  return {.source = SourceText(std::move(parts)),
          .path = std::move(first),
          .path_is_in_context = in_context,
          .warnings = std::move(warnings)};
}

}  // namespace

Containerfile read_containerfiles(const BuildRequest& request, const LocalContext& context,
                                  store::Store& store, std::stop_token stop) {
  return Reader(request, context, store, std::move(stop)).read();
}

Context open_context(const BuildRequest& request, const LocalContext& context,
                     const Containerfile& file) {
  return Context::open(context.directory, request.ignore_file, file.path,
                       file.path_is_in_context ? PathKind::kInContext : PathKind::kOfMachine);
}

}  // namespace bld::builder
