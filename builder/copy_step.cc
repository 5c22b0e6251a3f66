#include "builder/copy_step.h"

#include "builder/add_remote.h"

namespace bld::builder {

namespace {

// Names and lengths, so that no two operations have one text.
void add_field(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(1, ' ').append(std::to_string(value.size())).append(1, ' ');
  text.append(value).append(1, '\n');
}

std::string_view yes_or_no(bool value) { return value ? "yes" : "no"; }

}  // namespace

std::string CopyOperation::normal_form() const {
  std::string text;
  add_field(text, "kind", kind == CopyKind::kAdd ? "add" : "copy");
  for (const auto& source : sources) {
    if (const auto* file = std::get_if<InlineFile>(&source)) {
      add_field(text, "inline", file->name);
      add_field(text, "content", file->content);
    } else {
      add_field(text, "source", std::get<std::string>(source));
    }
  }
  add_field(text, "destination", destination);
  add_field(text, "chown", chown);
  add_field(text, "chmod", chmod);
  add_field(text, "link", yes_or_no(link));
  add_field(text, "parents", yes_or_no(parents));
  for (const std::string& exclude : excludes) add_field(text, "exclude", exclude);
  add_field(text, "checksum", checksum);
  add_field(text, "keep-git-dir", yes_or_no(keep_git_dir));
  if (unpack) add_field(text, "unpack", yes_or_no(*unpack));
  return text;
}

bool is_remote(const CopyOperation& operation, std::string_view source) {
  return operation.kind == CopyKind::kAdd && is_remote_source(source);
}

}  // namespace bld::builder
