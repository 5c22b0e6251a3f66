// What `# check=` and the build argument BUILDKIT_DOCKERFILE_CHECK say about lint.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bld::dockerfile {

struct CheckOptions {
  bool skip_all = false;
  std::vector<std::string> skip;  // names of rules; unknown ones do nothing
  bool error = false;             // a finding fails the build
  bool experimental_all = false;
  std::vector<std::string> experimental;  // rules that are off otherwise
};

// "skip=RULE,RULE;error=true;experimental=all", with blanks anywhere between. Throws on a word that
// is not one of these.
CheckOptions parse_check_options(std::string_view text);

}  // namespace bld::dockerfile
