#include "builder/local_context.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "builder/git_source.h"
#include "builder/resolve_links.h"
#include "builder/url_text.h"
#include "layers/archive.h"

namespace bld::builder {

namespace {

namespace fs = std::filesystem;
using dockerfile::SourceText;

constexpr const char* kFiles = "files";  // in a temporary directory: what was unpacked
constexpr const char* kGiven = "given";  // there: what came, as it came

base::UniqueFd open_file(const fs::path& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) throw base::Error::sys("open", path.string());
  return fd;
}

// Ids of the archive mean nothing here: a context's files have no owners.
void unpack(int fd, const base::RootedDir& destination) {
  layers::extract_archive(fd, destination, {.uid = 0, .gid = 0, .max_mtime = {}});
}

// The file `kGiven` in the temporary directory as a context: an archive, or one Containerfile.
LocalContext from_bytes(const fs::path& temporary, const std::string& shown) {
  const base::RootedDir directory = base::RootedDir::open(temporary);
  const base::RootedDir files = directory.make_dirs(kFiles);
  const base::UniqueFd given = directory.open_regular(kGiven);
  LocalContext context{
      .directory = temporary / kFiles, .is_unpacked = true, .file = {}, .containerfile = {}};
  if (layers::is_archive(given.get())) {
    try {
      unpack(given.get(), files);
    } catch (base::Error& error) {
      error.add_context("unpacking " + shown);
      throw;
    }
  } else {
    context.containerfile = {shown, base::read_fd(given.get(), SourceText::kMaximumBytes)};
    const std::string& text = context.containerfile->text;
    if (text.find('\0') != std::string::npos) {
      throw base::Error("{}: neither an archive nor a Containerfile", shown)
          .hint("a context is a tar: as it is, or in gzip, bzip2, xz or zstd");
    }
  }
  directory.remove_tree(kGiven);
  return context;
}

LocalContext from_standard_input(const fs::path& temporary) {
  if (::isatty(0) != 0) {
    throw base::Error("the context - is standard input, which is a terminal")
        .hint("bld build - < FILE, where FILE is a Containerfile or a tar");
  }
  {
    const base::RootedDir directory = base::RootedDir::open(temporary);
    const base::UniqueFd file = directory.open_at(kGiven, O_WRONLY | O_CREAT | O_EXCL, 0600);
    base::FdSource input(0);
    base::FdSink sink(file.get());
    base::pump(input, sink);
  }
  return from_bytes(temporary, "-");
}

LocalContext from_repository(const GitSource& source, const ContextOptions& options,
                             const fs::path& temporary, std::stop_token stop) {
  const base::RootedDir files = base::RootedDir::open(temporary).make_dirs(kFiles);
  fetch_git(source,
            {.keep_git_dir = options.keep_git_dir || source.keep_git_dir, .access = options.access},
            files, std::move(stop));
  const ResolvedPath folder = resolve_links(files, source.subdir);
  if (!folder.status || !S_ISDIR(folder.status->st_mode)) {
    throw base::Error("{} has no folder \"{}\"", without_userinfo(source.url),
                      base::printable(source.subdir));
  }
  return {.directory = temporary / kFiles / folder.path,
          .is_unpacked = true,
          .file = {},
          .containerfile = {}};
}

LocalContext from_file(const fs::path& path, store::Store& store) {
  const base::UniqueFd fd = open_file(path);
  if (!layers::is_archive(fd.get())) {
    // As Buildah: the directory of a Containerfile.
    const fs::path parent = path.parent_path();
    return {.directory = parent.empty() ? "." : parent,
            .is_unpacked = false,
            .file = path,
            .containerfile = {}};
  }
  const fs::path temporary = store.make_temp_dir();
  try {
    unpack(fd.get(), base::RootedDir::open(temporary));
  } catch (base::Error& error) {
    error.add_context("unpacking " + path.string());
    throw;
  }
  return {.directory = temporary, .is_unpacked = true, .file = {}, .containerfile = {}};
}

}  // namespace

ContextOptions context_options(const BuildRequest& request) {
  ContextOptions options{
      .access = {.connection = request.connection, .silence = request.remote_silence}};
  for (const BuildArgument& argument : request.build_args) {
    if (argument.name != "BUILDKIT_CONTEXT_KEEP_GIT_DIR" || !argument.value) continue;
    options.keep_git_dir = *argument.value == "1" || *argument.value == "true";
  }
  return options;
}

LocalContext bring_context(const std::string& text, const ContextOptions& options,
                           store::Store& store, std::stop_token stop) {
  if (text == "-") return from_standard_input(store.make_temp_dir());
  struct stat status = {};
  if (::stat(text.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      return {.directory = text, .is_unpacked = false, .file = {}, .containerfile = {}};
    }
    if (S_ISREG(status.st_mode)) return from_file(text, store);
    throw base::Error("{} is neither a directory nor a file", base::printable(text));
  }
  if (const auto source = GitSource::parse_context(text)) {
    return from_repository(*source, options, store.make_temp_dir(), std::move(stop));
  }
  if (is_http_url(text)) {
    const fs::path temporary = store.make_temp_dir();
    download(text, options.access, {}, base::RootedDir::open(temporary), kGiven, std::move(stop));
    return from_bytes(temporary, shown_url(text));
  }
  base::Error error("the context {}: no such file or directory", without_userinfo(text));
  error.hint("a context is a directory, an archive, -, or the URL of an archive or git repository");
  throw error;
}

}  // namespace bld::builder
