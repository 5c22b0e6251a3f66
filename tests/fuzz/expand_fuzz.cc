// A word with variables whose values are as hostile as the word.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "dockerfile/expand.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const dockerfile::Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "a") return "foo/bar.tar.gz";
    if (name == "b") return "";
    if (name == "t") return text;
    return std::nullopt;
  };
  const auto attempt = [](const auto& call) {
    try {
      call();
      return true;
    } catch (const base::Error&) {
      return false;
    }
  };
  const bool valid = attempt([&] { dockerfile::check_word(text); });
  const bool expanded = attempt([&] { dockerfile::expand_word(text, lookup); });
  if (expanded && !valid) __builtin_trap();
  attempt([&] { dockerfile::expand_words(text, lookup, '`'); });
  attempt([&] { dockerfile::expand_heredoc(text, lookup); });
  dockerfile::variables_in(text);
  return 0;
}
