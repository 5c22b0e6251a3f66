// policy.json: which images may be used (containers-policy.json(5)).
#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "registry/transport.h"

namespace bld::registry {

class SignaturePolicy {
 public:
  // `file` (which has to exist) or, if it is empty, that of the user, else that of the machine.
  // Where there is none, everything is accepted. What the format does not know is an Error.
  static SignaturePolicy load(const std::filesystem::path& file = {});
  static SignaturePolicy parse(const std::string& text, const std::string& file);

  // Throws unless an image from there may be used. Signatures cannot be verified: where the policy
  // wants one, that is an Error, too.
  void check(const Location& from) const;

 private:
  const base::Json& requirements_for(const Location& from, std::string& scope) const;

  std::string file_;
  base::Json policy_;  // null: none
};

}  // namespace bld::registry
