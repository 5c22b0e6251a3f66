#include "cmd/context_flags.h"

#include <chrono>

#include "base/error.h"
#include "base/text.h"
#include "cmd/options.h"
#include "cmd/shell_words.h"
#include "dockerfile/stages.h"

namespace bld::cmd {

using base::Error;

void ContextFlags::declare(FlagSet& flags) {
  flags.add_comma_list("file,f", "FILE|URL", files_, "Containerfile; - is standard input");
  flags.add(
      "build-context", "NAME=VALUE",
      [this](const std::string& text) {
        KeyAndValue context = parse_key_value(text);
        if (!context.value || context.key.empty() || context.value->empty()) {
          throw Error("\"{}\": a context is NAME=VALUE", text);
        }
        named_[dockerfile::context_name(context.key)] = *context.value;
      },
      "another context, by name: a directory, an archive, an image or a URL");
  flags.add_text("ignorefile", "FILE", ignore_file_, "use this file instead of .containerignore");
  flags.add_comma_list("cpp-flag", "FLAG", cpp_flags_,
                       "for the C preprocessor, which reads Containerfiles called NAME.in");
}

void ContextFlags::apply(const std::vector<std::string>& arguments,
                         builder::BuildRequest& request) const {
  if (arguments.size() > 1) {
    throw Error("accepts at most 1 arg(s), received {}", arguments.size());
  }
  if (!arguments.empty()) request.context = arguments.front();
  request.containerfiles = files_;
  request.named_contexts = named_;
  if (!ignore_file_.empty()) request.ignore_file = ignore_file_;
  if (const auto text = environment_variable("BUILDAH_CPPFLAGS")) {
    try {
      request.cpp_flags = shell_words(*text);
    } catch (Error& error) {
      error.add_context("BUILDAH_CPPFLAGS");
      throw;
    }
  }
  if (const auto text = environment_variable("BLD_REMOTE_TIMEOUT")) {
    const auto seconds = base::parse_unsigned(*text);
    if (!seconds || *seconds == 0 || *seconds > 86400) {
      throw Error("BLD_REMOTE_TIMEOUT: \"{}\" is no number of seconds", base::printable(*text));
    }
    request.remote_silence = std::chrono::seconds(*seconds);
  }
  request.cpp_flags.insert(request.cpp_flags.end(), cpp_flags_.begin(), cpp_flags_.end());
}

}  // namespace bld::cmd
