#include "base/error.h"

#include <cctype>
#include <cerrno>
#include <cstring>

namespace bld::base {

Error Error::sys(std::string_view call, std::string_view object) {
  return sys(call, object, errno);
}

Error Error::sys(std::string_view call, std::string_view object, int error_number) {
  // In the middle of a line, as other programs have it there, and as scripts look for it: "no such
  // file or directory".
  std::string reason = std::strerror(error_number);
  if (reason.size() > 1 && std::islower(static_cast<unsigned char>(reason[1])) != 0) {
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  }
  Error error(Text{object.empty() ? fmt::format("{}: {}", call, reason)
                                  : fmt::format("{} {}: {}", call, object, reason)});
  error.error_number_ = error_number;
  return error;
}

Error& Error::add_context(std::string text) {
  text_ = std::move(text) + ": " + text_;
  return *this;
}

Error& Error::at(SourcePosition position) {
  if (!position_) position_ = std::move(position);
  return *this;
}

Error& Error::hint(std::string text) {
  hint_ = std::move(text);
  return *this;
}

Error& Error::note(std::string text) {
  notes_.push_back(std::move(text));
  return *this;
}

Error& Error::exit_status(int status) {
  exit_status_ = status;
  return *this;
}

}  // namespace bld::base
